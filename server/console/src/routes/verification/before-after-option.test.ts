import { expect, test } from "vitest";
import { makeFormat } from "../../lib/format";
import { verification } from "../../test/fixtures";
import { beforeAfterOption, daysBetween, guardWindow, placeLabels, weekly } from "./before-after-option";

const words = {
  metric: "CSAT",
  weekly: "weekly",
  baseline: "baseline",
  guard: "guard",
  after: "after",
  usual: "usual",
  fix: "fix",
  meanBefore: (value: string) => `before ${value}`,
  meanAfter: (value: string) => `after ${value}`,
  meanUsual: (value: string) => `usual ${value}`,
  answers: (n: string) => `${n} ratings`,
};

test("the guard is the days up to and including the alarm, and none when the alarm came after the fix", () => {
  expect(guardWindow({ alarm_day: "2026-03-01", guard_days: 14 }, "2026-03-10")).toEqual({
    from: "2026-02-16",
    to: "2026-03-01",
  });
  expect(guardWindow({ alarm_day: "2026-03-12", guard_days: 14 }, "2026-03-10")).toBeNull();
  expect(guardWindow({ alarm_day: null, guard_days: 14 }, "2026-03-10")).toBeNull();
});

test("days run across months and years", () => {
  expect(daysBetween("2025-12-30", "2026-01-02")).toEqual([
    "2025-12-30",
    "2025-12-31",
    "2026-01-01",
    "2026-01-02",
  ]);
});

test("the weekly mean weighs days by their answers and stays silent where there are few or none yet", () => {
  const days = daysBetween("2026-03-01", "2026-03-03");
  const rows = [
    { day: "2026-03-01", value: 1, n: 2 },
    { day: "2026-03-02", value: 0.5, n: 8 },
  ];
  expect(weekly(rows, days)).toEqual([null, 0.6, null]);
});

test("a baseline around the guard is drawn as two bands, the days left out as a third", () => {
  const option = beforeAfterOption({
    rows: [{ day: "2026-03-01", value: 0.8, n: 20 }],
    window: { from: "2026-01-10", to: "2026-04-07" },
    verification: verification("improved"),
    effectiveDay: "2026-03-10",
    guard: { from: "2026-02-16", to: "2026-03-01" },
    usual: null,
    format: makeFormat("en", "UTC"),
    words,
  });
  const [dots] = option.series as Array<{
    markArea: { data: Array<[{ name: string; xAxis: string }, { xAxis: string }]> };
  }>;
  const bands = dots?.markArea.data.map(([from, to]) => [from.name, from.xAxis, to.xAxis]);
  expect(bands).toEqual([
    ["baseline", "2026-01-10", "2026-02-15"],
    ["", "2026-03-02", "2026-03-09"],
    ["guard", "2026-02-16", "2026-03-01"],
    ["after", "2026-03-11", "2026-04-07"],
  ]);
});

test("a recovery shows the usual level it came back to, and nothing outside the chart", () => {
  const { before, after } = verification("recovered");
  const option = beforeAfterOption({
    rows: [
      { day: "2026-01-20", value: 0.9, n: 10 },
      { day: "2026-01-21", value: 0.7, n: 30 },
    ],
    window: { from: "2026-01-15", to: "2026-04-07" },
    verification: { before: { ...before, from: "2026-03-02" }, after, metric: "csat", verdict: "recovered" },
    effectiveDay: "2026-03-10",
    guard: { from: "2025-11-01", to: "2025-11-14" },
    usual: { from: "2025-12-22", to: "2026-02-15" },
    format: makeFormat("en", "UTC"),
    words,
  });
  const [dots] = option.series as Array<{
    markArea: { data: Array<[{ name: string; xAxis: string }, { xAxis: string }]> };
    markLine: { data: Array<[{ coord: [string, number]; label: { formatter: string } }]> };
  }>;
  expect(dots?.markArea.data.map(([from, to]) => [from.name, from.xAxis, to.xAxis])).toEqual([
    ["usual", "2026-01-15", "2026-02-15"],
    ["baseline", "2026-03-02", "2026-03-09"],
    ["after", "2026-03-11", "2026-04-07"],
  ]);
  const usual = dots?.markLine.data[1]?.[0];
  expect(usual?.label.formatter).toBe("usual 75.0%");
  expect(usual?.coord[1]).toBeCloseTo(0.75);
});

test("labels of an alarm and a fix read away from each other, and else stand in rows", () => {
  const close = placeLabels({ fix: 0.68, alarm: 0.65, notes: [0.7, 0.9] });
  expect(close.fix).toEqual({ align: "left", row: 0 });
  expect(close.alarm).toEqual({ align: "right", row: 0 });
  expect(close.notes).toEqual([
    { align: "left", row: 1 },
    { align: "right", row: 2 },
  ]);
  expect(close.rows).toBe(3);
  // Late on the chart both read to the left, so one of them moves up.
  const late = placeLabels({ fix: 0.9, alarm: 0.87, notes: [] });
  expect([late.fix, late.alarm, late.rows]).toEqual([
    { align: "right", row: 0 },
    { align: "right", row: 1 },
    2,
  ]);
});
