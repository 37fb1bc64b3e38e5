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

test("a channel's issue shows no figures of a topic, and marks what was taken back", async () => {
  const signal = {
    id: "01900000-0000-7000-8000-000000000031",
    detector: "silence",
    kind: "silent_source",
    window: "2026-03-01",
    count: 0,
    limit: 0,
    fired_at: "2026-03-02T00:10:00Z",
    withdrawn_at: "2026-03-02T09:00:00Z",
    explanation: { zh: "只收到 0 条", en: "only 0 voices" },
    subject: { kind: "channel", key: "hotline" },
    detector_version: 1,
  };
  const silent = {
    ...issue,
    topic: "",
    signals: [signal, { ...signal, id: "01900000-0000-7000-8000-000000000032", withdrawn_at: null }],
  };
  serve({ [`GET ${path}`]: silent });
  visit(path);
  const said = await screen.findAllByText("only 0 voices");
  const marks = said.map((one) => one.closest("li")?.textContent?.includes("Taken back"));
  expect(marks).toEqual([true, false]);
  expect(screen.queryByText("Frequency")).toBeNull();
  expect(screen.queryByRole("link", { name: /^Topic: / })).toBeNull();
});

test("an issue of a topic shows how often and how bad", async () => {
  serve({ [`GET ${path}`]: billing });
  visit(path);
  expect(await screen.findByText("Frequency")).toBeTruthy();
});
