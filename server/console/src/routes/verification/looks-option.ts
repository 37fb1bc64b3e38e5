import type { Look, Metric } from "../../api/evidence";
import type { Verdict } from "../../api/types";
import {
  axisStyle,
  baseOption,
  type ChartOption,
  tooltipStyle,
  tooltipTable,
} from "../../components/chart-option";
import { addDays, type Format } from "../../lib/format";
import { change, higherIsBetter, shortChange } from "../../lib/metric";
import { colour, verdictColour } from "../../styles/tokens";
import { daysBetween } from "./before-after-option";

export type LooksWords = {
  effect: string;
  range: string;
  line: string;
  noChange: string;
  tooSmall: string;
  decided: string;
  horizon: string;
  collected: string;
};

/** A look whose effect could be computed. */
type Drawn = { day: string; effect: number; low: number; high: number; line: number; fraction: number };

/** The looks that have figures; half an interval is what the effect had to exceed that night. */
export function drawnLooks(looks: readonly Look[]): Drawn[] {
  return looks.flatMap(({ last_day, effect, low, high, fraction }) =>
    typeof effect === "number" && typeof low === "number" && typeof high === "number"
      ? [{ day: last_day, effect, low, high, line: (high - low) / 2, fraction }]
      : [],
  );
}

/**
 * Night by night: the change as it looked then, the interval that shrinks while answers come in, and the line that the
 * change must cross before anything is said. Unlike a p value the interval may be read on any night.
 */
export function looksOption(input: {
  looks: readonly Look[];
  effectiveDay: string;
  horizonDays: number;
  /** The last day that can decide; of fixes that share a verdict it is not this task's own. */
  latestDay?: string | undefined;
  decidedOn: string | null;
  smallest: number;
  verdict: Verdict;
  metric: Metric;
  format: Format;
  words: LooksWords;
  narrow?: boolean;
}): ChartOption {
  const { metric, format, words, decidedOn, smallest, verdict } = input;
  const looks = drawnLooks(input.looks);
  const lastLook = looks.at(-1)?.day ?? input.effectiveDay;
  const horizon = input.latestDay ?? addDays(input.effectiveDay, input.horizonDays);
  const days = daysBetween(addDays(input.effectiveDay, 1), lastLook > horizon ? lastLook : horizon);
  const byDay = new Map(looks.map((look) => [look.day, look]));
  const good = higherIsBetter(metric) ? 1 : -1;
  const column = (pick: (look: Drawn) => number) =>
    days.map((day) => {
      const look = byDay.get(day);
      return look ? pick(look) : "-";
    });
  const stroke = verdictColour[verdict];
  // The first nights are so wide that they would press the rest flat.
  const reach = looks.map((look) => Math.max(Math.abs(look.low), Math.abs(look.high))).sort((a, b) => a - b);
  const typical = reach[Math.floor(reach.length / 2)] ?? 0.1;
  const most = Math.min(reach.at(-1) ?? typical, typical * 2.2);
  const step = most > 0.5 ? 0.2 : most > 0.25 ? 0.1 : most > 0.1 ? 0.05 : 0.02;
  const bound = Math.ceil(Math.max(most, smallest * 1.4) / step) * step;
  const clip = (value: number) => Math.max(-bound, Math.min(bound, value));

  const dashed = (name: string, sign: 1 | -1) => ({
    type: "line" as const,
    name,
    data: column((look) => clip(sign * look.line)),
    showSymbol: false,
    silent: true,
    lineStyle: { color: colour.inkFaint, type: "dashed" as const, width: 1.2 },
  });

  return {
    ...baseOption,
    grid: { left: 8, right: input.narrow ? 12 : 20, top: 30, bottom: 8, containLabel: true },
    tooltip: {
      ...tooltipStyle,
      trigger: "axis",
      formatter: (items) => {
        const index = (Array.isArray(items) ? items[0] : items)?.dataIndex ?? 0;
        const day = days[index];
        const look = day === undefined ? undefined : byDay.get(day);
        if (!day || !look) return "";
        const show = (value: number) => change(format, metric, value);
        return tooltipTable(format.day(day), [
          [words.effect, show(look.effect)],
          [words.range, `${show(look.low)} – ${show(look.high)}`],
          [words.line, `±${show(look.line).replace(/^[+−-]/, "")}`],
          [words.collected, format.percent(Math.min(1, look.fraction), 0)],
        ]);
      },
    },
    xAxis: {
      type: "category",
      data: days,
      boundaryGap: false,
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
      min: -bound,
      max: bound,
      interval: bound / 2,
      ...axisStyle,
      axisLabel: {
        ...axisStyle.axisLabel,
        formatter: (value: number) => shortChange(format, metric, value),
      },
    },
    series: [
      {
        type: "line",
        name: words.range,
        stack: "range",
        stackStrategy: "all",
        data: column((look) => clip(look.low)),
        showSymbol: false,
        silent: true,
        lineStyle: { opacity: 0 },
      },
      {
        type: "line",
        name: words.range,
        stack: "range",
        stackStrategy: "all",
        data: column((look) => clip(look.high) - clip(look.low)),
        showSymbol: false,
        silent: true,
        lineStyle: { opacity: 0 },
        areaStyle: { color: stroke, opacity: 0.15 },
      },
      dashed(words.line, 1),
      dashed(words.line, -1),
      {
        type: "line",
        name: words.effect,
        data: column((look) => clip(look.effect)),
        symbol: "circle",
        symbolSize: 5,
        lineStyle: { color: stroke, width: 2.4 },
        itemStyle: { color: stroke },
        z: 5,
        markArea: {
          silent: true,
          data: [
            [
              {
                name: words.tooSmall,
                yAxis: -smallest,
                itemStyle: { color: "rgb(95 115 118 / 9%)" },
                label: {
                  show: !input.narrow,
                  position: good > 0 ? "insideTopLeft" : "insideBottomLeft",
                  color: colour.inkFaint,
                  fontSize: 11.5,
                },
              },
              { yAxis: smallest },
            ],
          ] as never,
        },
        markLine: {
          silent: true,
          symbol: "none",
          data: [
            {
              yAxis: 0,
              lineStyle: { color: colour.ink, width: 1.4, type: "solid" },
              label: {
                formatter: words.noChange,
                position: good > 0 ? "insideStartBottom" : "insideStartTop",
                color: colour.inkSoft,
                fontSize: 11.5,
              },
            },
            ...(decidedOn && decidedOn >= (days[0] ?? "") && decidedOn <= (days.at(-1) ?? "")
              ? [
                  {
                    xAxis: decidedOn,
                    lineStyle: { color: stroke, width: 2, type: "solid" as const },
                    label: {
                      formatter: words.decided,
                      color: stroke,
                      fontWeight: 600 as const,
                      position: "end" as const,
                      fontSize: 12,
                    },
                  },
                ]
              : []),
            ...(decidedOn !== horizon
              ? [
                  {
                    xAxis: horizon,
                    lineStyle: { color: colour.inkFaint, width: 1, type: "dotted" as const },
                    label: {
                      formatter: words.horizon,
                      color: colour.inkFaint,
                      position: "end" as const,
                      align: "right" as const,
                      fontSize: 11.5,
                    },
                  },
                ]
              : []),
          ],
        },
      },
    ],
  };
}
