import { screen } from "@testing-library/react";
import { afterEach, expect, test } from "vitest";
import type { SavingsReport, Statement } from "../../api/evidence";
import { savings } from "../../test/evidence";
import { leave, serve, visit } from "../../test/server";

afterEach(leave);

function statement(change: Partial<Statement> = {}): Statement {
  return {
    month: "2026-03",
    task: "t1",
    topic: "billing",
    from: "2026-03-11",
    to: "2026-03-31",
    contacts: 700,
    savings,
    ended: null,
    together_with: [],
    counted_with: null,
    sentence: { zh: "三月说明", en: "" },
    frozen: true,
    ...change,
  };
}

function report(change: Partial<SavingsReport> = {}): SavingsReport {
  return {
    month: "2026-03",
    contacts_avoided: { value: 280, low: 111, high: 480 },
    secured_cents: 132_923,
    estimated_cents: 336_000,
    freed_hours: null,
    compensation_avoided_cents: null,
    statements: [statement()],
    sentence: { zh: "一共少了约 280 次联系。", en: "" },
    ...change,
  };
}

test("a month that is not over names the month whose costs it is counted with", async () => {
  const cost = { total_cents: 360_000, resolved: 1200, per_ticket_cents: 300, per_avoided_cents: 180 };
  serve({ "GET /reports/savings": report({ cost: { ...cost, month: "2026-02" } }) });
  visit("/savings?month=2026-03");
  expect((await screen.findAllByText(/按 2026-02 计/)).length).toBe(2);
});

test("the month asked for is shown with its sum and its tasks", async () => {
  const calls = serve({
    "GET /reports/savings": report({
      statements: [statement(), statement({ task: "t2", counted_with: "t1", ended: "relapse" })],
    }),
  });
  visit("/savings?month=2026-03");
  await screen.findByText("一共少了约 280 次联系。");
  expect(calls.find((call) => call.path === "/reports/savings")?.search.get("month")).toBe("2026-03");
  const rows = screen.getAllByRole("row").map((row) => row.textContent ?? "");
  expect(rows[1]).toContain("1,329.23 元");
  expect(rows[1]).toContain("已结算");
  expect(rows[2]).toContain("已复发");
  expect(rows[2]).toContain("不重复相加");
});

test("no cost and nothing measured is no data, never nought", async () => {
  const nothing = {
    ...savings,
    contacts_avoided: null,
    cost_per_contact_cents: null,
    secured_cents: null,
    estimated_cents: null,
    per_year_cents: null,
    no_money: "no_cost",
  };
  serve({
    "GET /reports/savings": report({
      contacts_avoided: null,
      secured_cents: null,
      estimated_cents: null,
      statements: [statement({ savings: nothing })],
    }),
  });
  visit("/savings?month=2026-03");
  await screen.findByText("一共少了约 280 次联系。");
  // Of the cost per ticket, and of what an avoided contact saves.
  expect(screen.getAllByText("没有数据")).toHaveLength(2);
  const figures = document.querySelector(".figures")?.textContent ?? "";
  expect(figures).not.toMatch(/\b0\b/);
  expect(figures).toContain("没有比较联系量");
});

test("3,600 yuan and 1,200 resolved tickets are 3 yuan a ticket", async () => {
  const cost = { total_cents: 360_000, resolved: 1200, per_ticket_cents: 300, per_avoided_cents: 180 };
  serve({ "GET /reports/savings": report({ cost }) });
  visit("/savings?month=2026-03");
  await screen.findByText("单票成本");
  const figures = document.querySelector(".figures")?.textContent ?? "";
  expect(figures).toMatch(/单票成本3(\.00)? 元总成本 ÷ 1,200 张已解决工单/);
  expect(figures).toMatch(/1\.80? 元/);
});

test("an address with a month that is none asks for the present one", async () => {
  const calls = serve({ "GET /reports/savings": report() });
  visit("/savings?month=march");
  await screen.findByText("一共少了约 280 次联系。");
  expect(calls.find((call) => call.path === "/reports/savings")?.search.get("month")).toMatch(/^\d{4}-\d\d$/);
});
