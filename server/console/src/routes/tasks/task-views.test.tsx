import { cleanup, fireEvent, screen, waitFor } from "@testing-library/react";
import { afterEach, expect, test } from "vitest";
import { leave, serve, visit } from "../../test/server";
import { kindOf } from "./kind-fields";
import { otherMonth, walk, weeksOf } from "./task-views";
import { advanceOf } from "./work-panel";

afterEach(leave);

const task = (id: string, more: object) => ({
  id,
  title: `task ${id}`,
  state: "assigned",
  department: "ops",
  department_name: "Operations",
  owner: { email: "li@example.com", name: "Li", language: "en" },
  due_at: "2026-03-12T08:00:00Z",
  overdue: false,
  percent: 0,
  verification: null,
  ...more,
});

test("a month is whole weeks from Monday on", () => {
  const weeks = weeksOf("2026-03");
  expect(weeks[0]?.[0]).toBe("2026-02-23");
  expect(weeks.at(-1)?.at(-1)).toBe("2026-04-05");
  expect(weeks.every((week) => week.length === 7)).toBe(true);
  expect(weeksOf("2027-02")).toHaveLength(4);
  expect([otherMonth("2026-01", -1), otherMonth("2026-12", 1), otherMonth("2024-02", 1)]).toEqual([
    "2025-12",
    "2027-01",
    "2024-03",
  ]);
});

test("arrows walk from card to card, over empty columns", () => {
  document.body.innerHTML = `<div id="b"><section data-column><a href="#1" id="a1"></a><a href="#2" id="a2"></a></section>
    <section data-column></section><section data-column><a href="#3" id="c1"></a></section></div>`;
  const board = document.getElementById("b");
  const press = (key: string) => {
    walk({ key, preventDefault: () => {} } as never, board);
    return document.activeElement?.id;
  };
  document.getElementById("a1")?.focus();
  expect([
    press("ArrowDown"),
    press("ArrowDown"),
    press("ArrowRight"),
    press("ArrowRight"),
    press("ArrowLeft"),
  ]).toEqual(["a2", "a2", "c1", "c1", "a1"]);
  document.body.innerHTML = "";
});

test("what is wished of a track is sent, and nothing where it is left to the kind", () => {
  expect(kindOf({ kind: "other" })).toEqual({});
  expect(kindOf({ kind: "policy" })).toEqual({ kind: "policy" });
  expect(kindOf({ kind: "training", track: "coverage", group: " agents ", total: 60 })).toEqual({
    kind: "training",
    track: { by: "coverage", group: "agents", total: 60 },
  });
  const track = {
    items: [],
    group: null,
    total: 60,
    trained: 0,
    url: null,
    ticket_state: null,
    whole: false,
    missing: null,
  };
  expect(advanceOf({ ...track, by: "coverage" }, { trained: 45, total: 60, comment: " " })).toEqual({
    trained: 45,
    total: 60,
  });
  expect(advanceOf({ ...track, by: "checklist" }, { done: [1], comment: "half" })).toEqual({
    done: [1],
    comment: "half",
  });
});

test("the board asks for everything and shows it by state; the calendar asks for its weeks", async () => {
  const calls = serve({
    "GET /tasks": {
      items: [task("1", {}), task("2", { state: "awaiting_approval" })],
      next_cursor: null,
    },
  });
  visit("/tasks?view=board");
  expect(await screen.findByRole("region", { name: "待审批" })).toBeTruthy();
  expect(screen.getAllByRole("region").length).toBeGreaterThanOrEqual(2);
  cleanup();
  visit("/tasks?view=calendar&month=2026-03");
  await screen.findByText("task 1");
  const asked = calls.filter((call) => call.path === "/tasks").map((call) => call.search.get("due_from"));
  expect(asked).toContain("2026-02-23");
});

test("many tasks: a preview comes first, and what it shows is what is done", async () => {
  const item = {
    title: "task 1",
    state_before: "assigned",
    state_after: "cancelled",
    owner_before: "Li",
    owner_after: "Li",
  };
  const calls = serve({
    "GET /tasks": { items: [task("1", {})], next_cursor: null },
    "POST /tasks/bulk": (call: { body: { preview: boolean } }) => ({
      preview: call.body.preview,
      done: 1,
      refused: 0,
      items: [{ id: "1", ok: true, code: null, detail: null, mails: ["li@example.com"], ...item }],
    }),
  } as never);
  visit("/tasks");
  fireEvent.click(await screen.findByRole("checkbox"));
  fireEvent.click(await screen.findByRole("button", { name: "取消任务" }));
  const run = await screen.findByRole("button", { name: "执行" });
  expect((run as HTMLButtonElement).disabled).toBe(true);
  fireEvent.change(screen.getByRole("textbox"), { target: { value: "多余" } });
  fireEvent.click(screen.getByRole("button", { name: "看看会发生什么" }));
  await screen.findByText(/将处理 1 项/);
  await waitFor(() => expect((run as HTMLButtonElement).disabled).toBe(false));
  fireEvent.click(run);
  await screen.findByText(/已处理 1 项/);
  const bodies = calls.filter((call) => call.path === "/tasks/bulk").map((call) => call.body);
  expect(bodies).toEqual([
    { action: "cancel", reason: "多余", ids: ["1"], preview: true },
    { action: "cancel", reason: "多余", ids: ["1"], preview: false },
  ]);
});
