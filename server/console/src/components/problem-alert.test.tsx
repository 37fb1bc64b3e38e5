import { fireEvent, screen } from "@testing-library/react";
import { expect, test, vi } from "vitest";
import { ProblemError, toProblem } from "../api/problem";
import { show } from "../test/fixtures";
import { ProblemAlert } from "./problem-alert";

test("the server's words, the fields and the code are shown", () => {
  const problem = toProblem(
    {
      type: "about:blank",
      title: "主题不存在",
      status: 422,
      detail: "部门 ops 还没有责任人",
      code: "unknown_topic",
      request_id: "01JD",
      errors: [{ field: "topic", code: "unknown", detail: "没有这个主题" }],
    },
    422,
  );
  show(<ProblemAlert error={new ProblemError(problem)} />);
  const text = screen.getByRole("alert").textContent ?? "";
  for (const part of [
    "主题不存在",
    "部门 ops 还没有责任人",
    "topic",
    "没有这个主题",
    "unknown_topic",
    "01JD",
  ]) {
    expect(text).toContain(part);
  }
});

test("an answer that is no problem document is told as such", () => {
  show(<ProblemAlert error={new ProblemError(toProblem("<html>502</html>", 502))} />);
  expect(screen.getByRole("alert").textContent).toContain("状态码 502");
});

test("silence of the network is not blamed on the reader", () => {
  show(<ProblemAlert error={new TypeError("Failed to fetch")} />);
  expect(screen.getByRole("alert").textContent).toContain("连不上服务器");
});

test("a stale version offers to refresh", () => {
  const again = vi.fn();
  show(
    <ProblemAlert error={new ProblemError(toProblem({ code: "stale", status: 412 }, 412))} onRetry={again} />,
  );
  fireEvent.click(screen.getByRole("button", { name: "刷新" }));
  expect(again).toHaveBeenCalledOnce();
});

test("no error shows nothing", () => {
  show(<ProblemAlert error={null} />);
  expect(screen.queryByRole("alert")).toBeNull();
});

test("nothing is said twice", () => {
  const problem = toProblem(
    { title: "log in first", detail: "log in first", code: "x", status: 401, errors: [] },
    401,
  );
  show(<ProblemAlert error={new ProblemError(problem)} />);
  expect(screen.getAllByText("log in first")).toHaveLength(1);
});
