import { fireEvent, screen, waitFor } from "@testing-library/react";
import { afterEach, expect, test, vi } from "vitest";
import type { Issue } from "../../api/types";
import { leave, serve, visit } from "../../test/server";

vi.mock("../../components/chart", () => ({
  Chart: (props: { label: string }) => <div role="img" aria-label={props.label} />,
}));

afterEach(leave);

const issue: Issue = {
  id: "01900000-0000-7000-8000-000000000020",
  state: "open",
  title: "账单",
  topic: "billing",
  topic_name: { zh: "账单", en: "Billing" },
  cause: null,
  scope: {},
  detector: "d",
  quadrant: "quick_win",
  computed_quadrant: "quick_win",
  borderline: false,
  frequency: { contacts: 400, per_1000: 90, contacts_per_week: 100, line: 60 },
  impact: {
    value: 0.2,
    low: 0.17,
    high: 0.24,
    line: 0.22,
    basis: "ratings",
    negative_share: null,
    risk_share: 0.01,
    handling_minutes: 900,
    compensation_cents: 0,
    explanation: { zh: "", en: "" },
    parts: [
      {
        part: "dissatisfaction",
        value: 0.2,
        usual: 0.22,
        weight: 1,
        contribution: 0.2,
        explanation: { zh: "不满意 20%", en: "" },
      },
    ],
  },
  evidence: [],
  signals: [],
  contacts_since_open: 30,
  similar_solutions: [],
  tasks: [],
  timeline: [],
  opened_at: "2026-03-01T02:00:00Z",
  version: 1,
  override: null,
  movement: {
    previous: "watch",
    since: "2026-03-01T00:00:00Z",
    trail: [
      {
        at: "2026-03-01T00:00:00Z",
        day: "2026-03-01",
        from: "watch",
        to: "quick_win",
        why: { zh: "联络更多了", en: "" },
      },
    ],
  },
};
const path = `/issues/${issue.id}`;

test("a place is told with its formula and where it came from", async () => {
  serve({ [`GET ${path}`]: issue });
  visit(path);
  await screen.findByText("联络更多了");
  expect(screen.getByText("持续观察 → 快速优化")).toBeTruthy();
  expect(screen.getByText("不满意 20%")).toBeTruthy();
});

test("a decision needs a reason and is sent with it", async () => {
  const calls = serve({ [`GET ${path}`]: issue });
  visit(path);
  fireEvent.click(await screen.findByRole("button", { name: "改由人决定" }));
  fireEvent.click(await screen.findByRole("button", { name: "保存" }));
  expect(await screen.findByText("此项必填")).toBeTruthy();
  fireEvent.change(screen.getByLabelText("为什么（会记入经过）"), { target: { value: " 管理层要求 " } });
  fireEvent.click(screen.getByRole("button", { name: "保存" }));
  await waitFor(() => expect(calls.some((call) => call.method === "PUT")).toBe(true));
  const sent = calls.find((call) => call.method === "PUT");
  expect([sent?.path, sent?.body]).toEqual([
    `${path}/quadrant`,
    { quadrant: "quick_win", reason: "管理层要求" },
  ]);
});

test("a decision shows who, why, and what was computed", async () => {
  serve({
    [`GET ${path}`]: {
      ...issue,
      quadrant: "fix_now",
      override: {
        quadrant: "fix_now",
        reason: "管理层要求",
        by: { kind: "user", name: "Min" },
        at: "2026-03-02T02:00:00Z",
      },
    },
  });
  visit(path);
  expect(await screen.findByText(/Min 于 2026\/3\/2 10:00 决定：管理层要求/)).toBeTruthy();
  expect(screen.getByText("系统计算的位置：快速优化")).toBeTruthy();
  expect(screen.getByRole("button", { name: "解除" })).toBeTruthy();
});
