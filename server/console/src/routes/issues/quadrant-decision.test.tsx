import { fireEvent, screen, waitFor } from "@testing-library/react";
import { afterEach, expect, test, vi } from "vitest";
import { issue } from "../../test/evidence";
import { leave, serve, visit } from "../../test/server";

vi.mock("../../components/chart", () => ({
  Chart: (props: { label: string }) => <div role="img" aria-label={props.label} />,
}));

afterEach(leave);

const path = `/issues/${issue.id}`;

test("a place is told with its formula and where it came from", async () => {
  serve({ [`GET ${path}`]: issue });
  visit(path);
  await screen.findByText("联系更多了");
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
