import { fireEvent, screen, waitFor, within } from "@testing-library/react";
import { afterEach, expect, test } from "vitest";
import type { InboxItem, Preference } from "../../api/mail";
import type { OutboxItem } from "../../api/types";
import { session } from "../../test/fixtures";
import { leave, serve, visit } from "../../test/server";
import { valuesOf, wishOf } from "./people-panel";

afterEach(leave);

const stray: InboxItem = {
  id: "m1",
  from: "li.mei@private.example",
  subject: "完成情况",
  outcome: "unmatched",
  details: { reason: "not_the_person" },
  task_id: "t1",
  size: 900,
  read_at: "2026-11-22T02:00:00Z",
};
/** Who may open addresses and send samples. */
const admin = { ...session, user: { ...session.user, role: "admin" } };
const task = { id: "t1", title: "补充材料" };

test("a stray mail is read and put to its task", async () => {
  const calls = serve({
    "GET /inbox": { mailbox: "voc@mx", looked_at: null, error: null, items: [stray], next_cursor: null },
    "GET /inbox/m1": { ...stray, words: "都做好了", files: ["证明.pdf"] },
    "GET /tasks": { items: [task], next_cursor: null },
    "POST /inbox/m1/attach": { ...stray, outcome: "attached" },
  });
  visit("/mailbox?tab=inbox");
  expect(await screen.findByText("发件人不是责任人")).toBeTruthy();
  fireEvent.click(screen.getByRole("button", { name: "归入任务" }));
  const drawer = await screen.findByRole("dialog");
  expect(await within(drawer).findByText("都做好了")).toBeTruthy();
  expect(within(drawer).getByText(/证明.pdf/)).toBeTruthy();
  fireEvent.click(within(drawer).getByRole("button", { name: "归入任务" }));
  await waitFor(() =>
    expect(calls.find((c) => c.method === "POST")).toMatchObject({
      path: "/inbox/m1/attach",
      body: { task_id: "t1" },
    }),
  );
});

test("what waits says why, and can be sent", async () => {
  const held: OutboxItem = {
    id: "d1",
    kind: "mail",
    target: "li.mei@telecom.example",
    subject: "说明资费",
    state: "held",
    attempts: 0,
    last_error: null,
    hold: "quiet_hours",
    held_until: "2026-11-22T03:00:00Z",
    task_id: null,
    issue_id: null,
    created_at: "2026-11-22T02:00:00Z",
    sent_at: null,
    left_machine: false,
  };
  const full = { ...held, id: "d2", hold: "hourly_budget" };
  const calls = serve({
    "GET /outbox": { items: [held, full], next_cursor: null },
    "POST /outbox/d1/retry": { ...held, state: "queued" },
  });
  visit("/mailbox?tab=outbox");
  expect(await screen.findByText(/本小时发信已满/)).toBeTruthy();
  expect(screen.getByText(/免打扰时间/)).toBeTruthy();
  fireEvent.click(screen.getByRole("button", { name: "现在发送" }));
  await waitFor(() => expect(calls.some((c) => c.path === "/outbox/d1/retry")).toBe(true));
});

test("an address that names no tab shows the first", async () => {
  serve({ "GET /mailbox": { items: [], next_cursor: null } });
  visit("/mailbox?tab=nowhere");
  const first = (await screen.findAllByRole("tab"))[0];
  expect(first?.getAttribute("aria-selected")).toBe("true");
});

test("a closed address is opened again", async () => {
  const closed = {
    email: "wang.tao@telecom.example",
    hard_bounces: 2,
    last_reason: "550 user unknown",
    last_bounce_at: "2026-11-22T02:00:00Z",
    disabled_at: "2026-11-22T02:00:00Z",
  };
  const calls = serve({
    "GET /session": admin,
    "GET /addresses": { items: [closed], next_cursor: null },
    "POST /addresses/wang.tao@telecom.example/enable": { released: 3 },
  });
  visit("/mailbox?tab=addresses");
  fireEvent.click(await screen.findByRole("button", { name: "重新启用" }));
  expect(await screen.findByText("已启用，补发 3 封")).toBeTruthy();
  expect(calls.filter((c) => c.method === "POST")).toHaveLength(1);
});

test("a template is shown and its sample sent", async () => {
  const calls = serve({
    "GET /session": admin,
    "GET /mail/templates": { items: [{ name: "task_offered", subject: "[闭环] 梳理" }], next_cursor: null },
    "GET /mail/templates/task_offered": { subject: "[闭环] 梳理资费", text: "正文", html: "<p>正文</p>" },
    "POST /mail/trial": { delivery_id: "d9" },
  });
  visit("/mailbox?tab=templates");
  expect(await screen.findByText("[闭环] 梳理资费")).toBeTruthy();
  fireEvent.click(screen.getByRole("button", { name: "发送样例" }));
  await waitFor(() =>
    expect(calls.find((c) => c.method === "POST")?.body).toMatchObject({
      template: "task_offered",
      language: "zh-CN",
    }),
  );
});

test("a wish is the same after the form", () => {
  const wish: Preference = {
    pace: "daily",
    daily_at: "09:30",
    quiet: [{ from: "22:00", to: "08:00", weekdays: [5, 6] }],
    urgent_at_once: false,
    language: "en",
    zone: "Europe/London",
  };
  expect(wishOf(valuesOf(wish))).toEqual(wish);
});
