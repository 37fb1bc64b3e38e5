import { expect, test } from "vitest";
import { makeFormat } from "../../lib/format";
import { point, quadrants } from "../../test/fixtures";
import {
  frequencyBounds,
  frequencyTicks,
  impactBounds,
  nameSide,
  quadrantOption,
  trailStart,
} from "./quadrant-option";

const words = {
  quadrant: { fix_now: "fix now", plan: "plan", quick_win: "quick win", watch: "watch" },
  x: "x",
  y: "y",
  lineX: (value: string) => `x ${value}`,
  lineY: (value: string) => `y ${value}`,
  contacts: "contacts",
  perWeek: "a week",
  rated: "rated",
  impact: "impact",
  range: "range",
  risk: "risk",
  minutes: "minutes",
  borderline: "borderline",
  clickIssue: "open issue",
  clickTopic: "see topic",
};

type Drawn = {
  data: Array<{
    value: [number, number];
    itemStyle: { color: string };
    symbolSize: number;
    label: { formatter: string; show: boolean };
  }>;
  markLine: { data: Array<{ xAxis?: number; yAxis?: number }> };
  markArea: { data: Array<[{ name: string; coord: [number, number] }, { coord: [number, number] }]> };
};

function draw(data: ReturnType<typeof quadrants>, narrow = false) {
  const option = quadrantOption(data, {
    format: makeFormat("en", "UTC"),
    words,
    narrow,
    say: (text) => text.en,
  });
  const [series] = option.series as unknown as Drawn[];
  if (!series) throw new Error("no series");
  return { option, series };
}

test("the lines of the server are the lines of the chart", () => {
  const { series } = draw(quadrants([point("a")]));
  expect(series.markLine.data.map((line) => line.xAxis ?? line.yAxis)).toEqual([60, 0.22]);
});

test("the four fields meet at the lines", () => {
  const { series } = draw(quadrants([point("a")]));
  const fields = Object.fromEntries(
    series.markArea.data.map(([from, to]) => [from.name, [from.coord, to.coord]]),
  );
  expect(fields["fix now"]).toEqual([
    [60, expect.any(Number)],
    [expect.any(Number), 0.22],
  ]);
  expect(Object.keys(fields).sort()).toEqual(["fix now", "plan", "quick win", "watch"]);
});

test("a point near a line is hollow, a certain one is filled", () => {
  const { series } = draw(quadrants([point("sure"), point("unsure", { borderline: true })]));
  expect(series.data[0]?.itemStyle.color).not.toBe("#ffffff");
  expect(series.data[1]?.itemStyle.color).toBe("#ffffff");
});

test("more contacts make a larger point", () => {
  const { series } = draw(quadrants([point("many", { contacts: 900 }), point("few", { contacts: 9 })]));
  expect(series.data[0]?.symbolSize).toBeGreaterThan(series.data[1]?.symbolSize ?? 0);
});

test("on a phone every point carries its number of the key", () => {
  const { series } = draw(quadrants([point("a"), point("b", { quadrant: "watch" })]), true);
  expect(series.data.map((drawn) => drawn.label.formatter)).toEqual(["1", "2"]);
});

test("a topic without contacts can stand on a logarithmic axis", () => {
  const data = quadrants([point("silent", { contacts: 0, contacts_per_week: 0 }), point("a")]);
  const { series } = draw(data);
  const { low, high } = frequencyBounds(data);
  expect(low).toBeGreaterThan(0);
  expect(series.data[0]?.value[0]).toBe(low);
  expect(high).toBeGreaterThan(100);
});

test("the impact axis stays between none and all", () => {
  const { low, high } = impactBounds(quadrants([point("a", { impact: 0.01 }), point("b", { impact: 0.99 })]));
  expect([low, high]).toEqual([0, 1]);
});

test("a topic's name cannot become markup in the tooltip", () => {
  const evil = point("a", { name: { zh: "", en: "<img src=x onerror=alert(1)>" } });
  const { option, series } = draw(quadrants([evil]));
  const tooltip = option.tooltip as { formatter: (item: unknown) => string };
  const html = tooltip.formatter({ data: series.data[0] });
  expect(html).not.toContain("<img");
  expect(html).toContain("&#60;img");
});

test("the log axis names more than powers of ten", () => {
  expect(frequencyTicks({ low: 150, high: 1400 })).toEqual([200, 500, 1000]);
  expect(frequencyTicks({ low: 0.3, high: 6 })).toEqual([0.5, 1, 2, 5]);
});

type Segment = [{ coord: [number, number] }, { coord: [number, number]; symbol: string }];

function segments(data: ReturnType<typeof quadrants>, narrow = false): Segment[] {
  const [, below] = draw(data, narrow).option.series as unknown as Array<{ markLine: { data: Segment[] } }>;
  return below?.markLine.data ?? [];
}

test("a point shows how far it may really lie, on both axes where both are known", () => {
  const known = point("a", { contacts_per_week_low: 80, contacts_per_week_high: 130 });
  expect(segments(quadrants([known])).map(([from, to]) => [from.coord, to.coord])).toEqual([
    [
      [100, 0.25],
      [100, 0.36],
    ],
    [
      [80, 0.3],
      [130, 0.3],
    ],
  ]);
  expect(segments(quadrants([point("a")]))).toHaveLength(1);
});

test("on a phone only the uncertain keep their range", () => {
  const data = quadrants([point("sure"), point("unsure", { borderline: true })]);
  expect(segments(data, true)).toHaveLength(1);
});

test("a topic that moved trails an arrow from the side it came from", () => {
  const bounds = { x: { low: 10, high: 1000 }, y: { low: 0, high: 1 } };
  const moved = point("a", { movement: { previous: "watch", since: "2026-03-01T00:00:00Z", trail: [] } });
  const start = trailStart(moved, bounds.x, bounds.y);
  expect(start?.from).toBe("watch");
  // It stands in "fix now" and came from the rarer and better side.
  expect(start?.at[0]).toBeLessThan(100);
  expect(start?.at[1]).toBeLessThan(0.3);
  expect(segments(quadrants([moved])).some(([, to]) => to.symbol === "arrow")).toBe(true);
  const stayed = point("a", { movement: { previous: "fix_now", since: null, trail: [] } });
  expect(trailStart(stayed, bounds.x, bounds.y)).toBeNull();
});

test("a name stands away from the edge and from the trail", () => {
  const bounds = { x: { low: 10, high: 1000 }, y: { low: 0, high: 1 } };
  const from = (previous: "plan" | "fix_now", quadrant: "plan" | "fix_now") =>
    point("a", { quadrant, movement: { previous, since: null, trail: [] } });
  const side = (one: Parameters<typeof nameSide>[0]) => nameSide(one, bounds.x, bounds.y);
  expect(side(point("a"))).toBe("right");
  expect(side(point("a", { contacts_per_week: 900 }))).toBe("left");
  expect(side(from("fix_now", "plan"))).toBe("left");
  expect(side(from("plan", "fix_now"))).toBe("right");
});
