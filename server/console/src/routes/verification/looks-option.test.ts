import { expect, test } from "vitest";
import { makeFormat } from "../../lib/format";
import { evidence } from "../../test/evidence";
import { drawnLooks, looksOption } from "./looks-option";

const words = {
  effect: "effect",
  range: "range",
  line: "line",
  noChange: "no change",
  tooSmall: "too small",
  decided: "verdict",
  horizon: "horizon",
  collected: "collected",
};

type Line = {
  name: string;
  data: Array<number | string>;
  markLine?: { data: Array<Record<string, unknown>> };
};

function draw(change: Partial<Parameters<typeof looksOption>[0]> = {}) {
  const v = evidence();
  const option = looksOption({
    looks: v.looks,
    effectiveDay: v.effective_day,
    horizonDays: 28,
    decidedOn: "2026-03-20",
    smallest: 0.05,
    verdict: "improved",
    metric: "csat",
    format: makeFormat("en", "UTC"),
    words,
    ...change,
  });
  return {
    option,
    series: option.series as unknown as Line[],
    days: (option.xAxis as { data: string[] }).data,
  };
}

test("a look without figures is not drawn", () => {
  expect(drawnLooks([{ last_day: "2026-03-17", fraction: 0.2, boundary: 3 }])).toEqual([]);
});

test("the axis runs from the day after the fix to the horizon, nights without a look stay empty", () => {
  const { days, series } = draw();
  expect([days[0], days.at(-1)]).toEqual(["2026-03-11", "2026-04-07"]);
  const effect = series.at(-1);
  expect(effect?.data[days.indexOf("2026-03-17")]).toBe(0.13);
  expect(effect?.data[days.indexOf("2026-03-19")]).toBe("-");
});

test("a shared verdict ends with the horizon of the last fix, not with this task's own", () => {
  const { days, series } = draw({ latestDay: "2026-04-12" });
  expect(days.at(-1)).toBe("2026-04-12");
  const marks = series.at(-1)?.markLine?.data ?? series.flatMap((line) => line.markLine?.data ?? []);
  expect(marks.some((mark) => mark.xAxis === "2026-04-12")).toBe(true);
  expect(marks.some((mark) => mark.xAxis === "2026-04-07")).toBe(false);
});

test("the band shrinks and the line to exceed is half of it, on both sides", () => {
  const { days, series } = draw();
  const [, band, above, below] = series;
  const at = (line: Line | undefined, day: string) => line?.data[days.indexOf(day)] as number;
  expect(at(band, "2026-03-20")).toBeLessThan(at(band, "2026-03-17"));
  expect(at(above, "2026-03-20")).toBeCloseTo(0.08);
  expect(at(below, "2026-03-20")).toBeCloseTo(-0.08);
});

test("the night of the verdict and the horizon are marked", () => {
  const marks = draw().series.at(-1)?.markLine?.data ?? [];
  expect(marks.map((mark) => mark.yAxis ?? mark.xAxis)).toEqual([0, "2026-03-20", "2026-04-07"]);
  const open = draw({ decidedOn: null }).series.at(-1)?.markLine?.data ?? [];
  expect(open.map((mark) => mark.yAxis ?? mark.xAxis)).toEqual([0, "2026-04-07"]);
});

test("the tooltip says the metric's own unit", () => {
  const { option, days } = draw({ metric: "mean_rating" });
  const { formatter } = option.tooltip as { formatter: (items: unknown) => string };
  const html = formatter([{ dataIndex: days.indexOf("2026-03-17") }]);
  expect(html).toContain("+0.13");
  expect(html).not.toContain("points");
});
