import type { Backtest, BacktestDay } from "../../api/evidence";
import {
  axisStyle,
  baseOption,
  type ChartOption,
  tooltipStyle,
  tooltipTable,
} from "../../components/chart-option";
import type { Format } from "../../lib/format";
import { colour } from "../../styles/tokens";
import { daysBetween } from "../verification/before-after-option";

export type BacktestWords = {
  count: string;
  limit: string;
  baseline: string;
  level: string;
  signal: string;
  signals: (n: string) => string;
  note: (note: NonNullable<BacktestDay["note"]>) => string;
};

/** The days of a span, whether or not something was counted on them. */
export function spanOf(backtest: Backtest, from: string, to: string): BacktestDay[] {
  const byDay = new Map((backtest.days ?? []).map((day) => [day.day, day]));
  return daysBetween(from, to).map((day) => byDay.get(day) ?? { day, count: 0 });
}

/**
 * What was counted day by day with the line it had to cross and what was normal; days on which the rule would have
 * fired stand out. A rule that watches many subjects has no single line: then the days alone are shown.
 */
export function backtestOption(input: {
  backtest: Backtest;
  from: string;
  to: string;
  format: Format;
  words: BacktestWords;
}): ChartOption {
  const { backtest, format, words } = input;
  const days = spanOf(backtest, input.from, input.to);
  const subject = backtest.series?.key;
  const signals = new Map<string, number>();
  for (const signal of backtest.signals) {
    const about = signal.subject?.key ?? signal.topic;
    if (subject === undefined || about === subject)
      signals.set(signal.day, (signals.get(signal.day) ?? 0) + 1);
  }
  // Where the rule looks at a share, shares are drawn: limit and baseline are shares as well.
  const shares = days.some((day) => typeof day.level === "number");
  const height = (day: BacktestDay) => (shares ? (day.level ?? 0) : day.count);
  const show = (value: number) =>
    shares ? format.percent(value) : format.decimal(value, value < 10 ? 1 : 0);
  const has = (pick: (day: BacktestDay) => number | null | undefined) =>
    days.some((day) => typeof pick(day) === "number");
  // A figure that only some days have is a dash over the bar; a line would need neighbours.
  const sparse = (pick: (day: BacktestDay) => number | null | undefined) =>
    days.filter((day) => typeof pick(day) === "number").length < days.length / 2;
  const dash = { showSymbol: true, symbol: "rect", symbolSize: [14, 2.5] as [number, number] };
  const line = (pick: (day: BacktestDay) => number | null | undefined) =>
    days.map((day) => pick(day) ?? "-") as Array<number | string>;
  return {
    ...baseOption,
    grid: { left: 4, right: 12, top: 22, bottom: 4, containLabel: true },
    tooltip: {
      ...tooltipStyle,
      trigger: "axis",
      axisPointer: { type: "shadow" },
      formatter: (items) => {
        const index = (Array.isArray(items) ? items[0] : items)?.dataIndex ?? 0;
        const day = days[index];
        if (!day) return "";
        const fired = signals.get(day.day) ?? 0;
        const rows: Array<[string, string]> = [[words.count, format.count(day.count)]];
        if (typeof day.level === "number") rows.push([words.level, format.percent(day.level)]);
        if (typeof day.limit === "number") rows.push([words.limit, show(day.limit)]);
        if (typeof day.baseline === "number") rows.push([words.baseline, show(day.baseline)]);
        const foot = fired > 0 ? words.signals(format.count(fired)) : day.note ? words.note(day.note) : "";
        return tooltipTable(format.day(day.day), rows, foot);
      },
    },
    xAxis: {
      type: "category",
      data: days.map((day) => day.day),
      ...axisStyle,
      splitLine: { show: false },
      axisLabel: {
        ...axisStyle.axisLabel,
        hideOverlap: true,
        formatter: (day: string) => format.dayShort(day),
      },
    },
    yAxis: {
      type: "value",
      ...(shares ? {} : { minInterval: 1 }),
      ...axisStyle,
      axisLabel: {
        ...axisStyle.axisLabel,
        formatter: (value: number) => (shares ? format.percent(value, 0) : format.compact(value)),
      },
    },
    series: [
      {
        type: "bar",
        name: words.count,
        data: days.map((day) => ({
          value: height(day),
          itemStyle: {
            color: signals.has(day.day) ? colour.accent : colour.teal300,
            borderRadius: [2, 2, 0, 0] as [number, number, number, number],
          },
        })),
        barCategoryGap: "24%",
      },
      ...(has((day) => day.baseline)
        ? [
            {
              type: "line" as const,
              name: words.baseline,
              data: line((day) => day.baseline),
              showSymbol: false,
              ...(sparse((day) => day.baseline) ? dash : {}),
              silent: true,
              itemStyle: { color: colour.teal700 },
              lineStyle: { color: colour.teal700, width: 1.6 },
            },
          ]
        : []),
      ...(has((day) => day.limit)
        ? [
            {
              type: "line" as const,
              name: words.limit,
              data: line((day) => day.limit),
              showSymbol: false,
              ...(sparse((day) => day.limit) ? dash : {}),
              silent: true,
              itemStyle: { color: colour.accent },
              step: "middle" as const,
              lineStyle: { color: colour.accent, width: 1.6, type: "dashed" as const },
            },
          ]
        : []),
      {
        type: "scatter",
        name: words.signal,
        silent: true,
        symbol: "triangle",
        symbolRotate: 180,
        symbolSize: 9,
        symbolOffset: [0, -9],
        itemStyle: { color: colour.accent },
        data: days.flatMap((day) =>
          signals.has(day.day) ? [[day.day, height(day)] as [string, number]] : [],
        ),
      },
    ],
  };
}
