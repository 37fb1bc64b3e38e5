import { screen, within } from "@testing-library/react";
import { afterEach, expect, test, vi } from "vitest";
import { evidence, task } from "../../test/evidence";
import { leave, serve, visit } from "../../test/server";

// The drawing has tests of its own; here the text that stands for it counts.
vi.mock("../../components/chart", () => ({
  Chart: (props: { label: string }) => <div role="img" aria-label={props.label} />,
}));

afterEach(leave);

const job = task();
const path = `/tasks/${job.id}`;

function open(change: Parameters<typeof evidence>[0] = {}) {
  serve({ [`GET ${path}`]: job, [`GET ${path}/verification`]: evidence(change) });
  return visit(`${path}/verification`);
}

const panel = (title: string) => screen.getByRole("heading", { name: title }).closest("section");

test("the sentence comes first, then what it rests on", async () => {
  open();
  await screen.findByText("improved zh");
  const text = screen.getByRole("main").textContent ?? "";
  const order = ["improved zh", "前后对比，并与其他主题比较", "每晚的判断", "护栏指标", "节省", "数字与方法"];
  const places = order.map((part) => text.indexOf(part));
  expect(places).toEqual([...places].sort((a, b) => a - b));
  expect(Math.min(...places)).toBeGreaterThan(0);
});

test("the drawing of the nights is told in words as well", async () => {
  open();
  const chart = await screen.findByRole("img", { name: /每晚的判断/ });
  expect(chart.getAttribute("aria-label")).toContain(
    "3 晚，最后一次 2026/3/20：+13.0 个百分点，可信范围 +5.0 个百分点 至 +21.0 个百分点",
  );
});

test("a guard that fell, a sibling that rose and a former trend are named", async () => {
  open();
  await screen.findByText("improved zh");
  expect(panel("护栏指标")?.textContent).toContain("变差");
  expect(panel("护栏指标")?.textContent).toContain("412 秒 → 450 秒");
  expect(panel("问题有没有转移")?.textContent).toContain("退款金额");
  expect(panel("还要考虑")?.textContent).toContain("16 周");
});

test("money is told with its range and beside satisfaction", async () => {
  open();
  await screen.findByText("improved zh");
  const money = panel("节省")?.textContent ?? "";
  expect(money).toContain("1,329.23 元");
  expect(money).toContain("280 （111～480）");
  expect(money).toContain("从不由满意度折算");
});

test("no money is a reason, not a nought", async () => {
  const { savings } = evidence();
  open({
    savings: savings && {
      ...savings,
      secured_cents: null,
      estimated_cents: null,
      per_year_cents: null,
      no_money: "no_cost",
    },
  });
  await screen.findByText("improved zh");
  const money = panel("节省")?.textContent ?? "";
  expect(money).toContain("填写成本");
  expect(money).not.toContain("0.00");
});

test("what is missing shows how far it is", async () => {
  open({
    verdict: "pending",
    missing: [{ code: "answers", need: 310, have: 120, sentence: { zh: "还差约 190 条评分", en: "" } }],
  });
  const bar = await screen.findByRole("progressbar");
  expect(bar.getAttribute("aria-valuenow")).toBe("120");
  expect(screen.getByText("120 / 310")).toBeTruthy();
});

test("tasks that share the verdict are listed, the earliest named", async () => {
  open({
    together_with: ["t2"],
    set: [
      { task_id: job.id, title: "改账单", effective_day: "2026-03-10", first: true },
      { task_id: "t2", title: "改短信", effective_day: "2026-03-15", first: false },
    ],
  });
  const heading = await screen.findByRole("heading", { name: "与其他任务一起判断" });
  const box = heading.closest("section") as HTMLElement;
  expect(within(box).getByText("改短信").closest("a")?.getAttribute("href")).toBe("/tasks/t2");
  expect(box.textContent).toContain("最早的一个");
});

test("a server without the newer fields still shows its verdict", async () => {
  const { verification } = await import("../../test/fixtures");
  serve({
    [`GET ${path}`]: { ...job, verification: verification("no_effect") },
    [`GET ${path}/verification`]: verification("no_effect"),
  });
  visit(`${path}/verification`);
  await screen.findByText("no_effect zh");
  expect(panel("每晚的判断")?.textContent).toContain("还没有可以画出的判断");
  expect(panel("节省")?.textContent).toContain("还没有可以计算的节省");
});
