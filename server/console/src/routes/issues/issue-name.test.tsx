import { fireEvent, screen, within } from "@testing-library/react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { switchLanguage } from "../../i18n";
import { contract, issue, task } from "../../test/evidence";
import { leave, serve, visit } from "../../test/server";

vi.mock("../../components/chart", () => ({
  Chart: (props: { label: string }) => <div role="img" aria-label={props.label} />,
}));

beforeEach(() => switchLanguage("en", true));
afterEach(() => {
  leave();
  localStorage.clear();
  switchLanguage("zh-CN", false);
});

const billing = { ...issue, title: "账单看不懂", heading: { zh: "账单看不懂", en: "Bill not understood" } };
const department = {
  key: "finance",
  name: "Finance",
  owners: [],
  manager_email: null,
  deputy_email: null,
  version: 1,
};
const path = `/issues/${billing.id}`;

test("an English reader reads the English heading, and a new task is named after it", async () => {
  serve({
    [`GET ${path}`]: billing,
    [`GET ${path}/contract`]: contract(),
    "GET /departments": { items: [department], next_cursor: null },
  });
  visit(path);
  expect(await screen.findByRole("heading", { level: 1, name: "Bill not understood" })).toBeTruthy();
  fireEvent.click(screen.getAllByRole("button", { name: "Assign task" })[0] as HTMLElement);
  const drawer = await screen.findByRole("dialog");
  expect(await within(drawer).findByDisplayValue("Bill not understood")).toBeTruthy();
});

test("the list names issues in the reader's language, and by their title where there is no heading", async () => {
  const plain = { ...issue, id: "01900000-0000-7000-8000-000000000021", title: "Plain" };
  serve({ "GET /issues": { items: [billing, plain], next_cursor: null } });
  visit("/issues");
  expect(await screen.findByText("Bill not understood")).toBeTruthy();
  expect(screen.getByText("Plain")).toBeTruthy();
});

test("a task's link to its issue speaks the reader's language", async () => {
  const job = task({ issue_heading: billing.heading });
  serve({ [`GET /tasks/${job.id}`]: job });
  visit(`/tasks/${job.id}`);
  expect(await screen.findByRole("link", { name: /Bill not understood/ })).toBeTruthy();
});
