import type { Bilingual, Quadrant, QuadrantPoint, Quadrants } from "../../api/types";
import {
  axisStyle,
  baseOption,
  type ChartOption,
  tooltipStyle,
  tooltipTable,
} from "../../components/chart-option";
import type { Format } from "../../lib/format";
import { colour, quadrantColour } from "../../styles/tokens";

export type Words = {
  quadrant: Record<Quadrant, string>;
  x: string;
  y: string;
  lineX: (value: string) => string;
  lineY: (value: string) => string;
  contacts: string;
  perWeek: string;
  rated: string;
  impact: string;
  range: string;
  risk: string;
  minutes: string;
  borderline: string;
  clickIssue: string;
  clickTopic: string;
  unhappy?: string;
  money?: string;
  moved?: (from: string, since: string) => string;
  decided?: string;
};

/** The chart's area that lies in the direction a topic came from, as steps along both axes. */
const FREQUENT: Record<Quadrant, boolean> = { fix_now: true, quick_win: true, plan: false, watch: false };
const BAD: Record<Quadrant, boolean> = { fix_now: true, quick_win: false, plan: true, watch: false };

/** Where the trail of a topic that moved starts: a short way back towards its former quadrant. */
export function trailStart(
  point: QuadrantPoint,
  x: Bounds,
  y: Bounds,
): { from: Quadrant; at: [number, number] } | null {
  const from = point.movement?.previous ?? null;
  const now = point.computed_quadrant ?? point.quadrant;
  if (!from || from === now) return null;
  const sideways = Number(FREQUENT[from]) - Number(FREQUENT[now]);
  const upwards = Number(BAD[from]) - Number(BAD[now]);
  const clip = (value: number, bounds: Bounds) => Math.min(bounds.high, Math.max(bounds.low, value));
  return {
    from,
    at: [
      clip(Math.max(frequency(point), x.low) * (x.high / x.low) ** (0.09 * sideways), x),
      clip(point.impact + 0.13 * upwards * (y.high - y.low), y),
    ],
  };
}

/** What the horizontal axis shows and the frequency line is measured in. */
export function frequency(point: QuadrantPoint): number {
  return point.contacts_per_week;
}

type Bounds = { low: number; high: number };

/** Bounds of the log axis with air on both sides; the line always lies inside. */
export function frequencyBounds(quadrants: Quadrants): Bounds {
  const values = [...quadrants.points.map(frequency), quadrants.frequency_line].filter((v) => v > 0);
  if (values.length === 0) return { low: 1, high: 100 };
  return { low: Math.min(...values) / 1.7, high: Math.max(...values) * 1.7 };
}

/** 1, 2, 5, 10, 20 … inside the bounds: a log axis by itself names powers of ten only. */
export function frequencyTicks({ low, high }: Bounds): number[] {
  const ticks: number[] = [];
  for (let power = 10 ** Math.floor(Math.log10(low)); power <= high; power *= 10) {
    for (const step of [1, 2, 5]) {
      const tick = Number((power * step).toPrecision(3));
      if (tick > low && tick < high) ticks.push(tick);
    }
  }
  return ticks;
}

/** Bounds of the impact axis on whole steps, and the step between its labels. */
export function impactBounds(quadrants: Quadrants): Bounds & { step: number } {
  const values = [
    ...quadrants.points.flatMap((p) => [p.impact, p.impact_low, p.impact_high]),
    quadrants.impact_line,
  ];
  const low = Math.min(...values);
  const high = Math.max(...values);
  const step = high - low > 0.3 ? 0.1 : 0.05;
  const air = Math.max(0.02, (high - low) * 0.12);
  const whole = (value: number) => Math.round(value * 1e6) / 1e6;
  return {
    low: whole(Math.max(0, Math.floor((low - air) / step) * step)),
    high: whole(Math.min(1, Math.ceil((high + air) / step) * step)),
    step,
  };
}

/** Where a name has room: away from the right edge, and not under the trail of where the topic came from. */
export function nameSide(point: QuadrantPoint, x: Bounds, y: Bounds): "left" | "right" {
  const at = Math.max(frequency(point), x.low);
  const from = trailStart(point, x, y)?.at[0] ?? at;
  const share = Math.log(at / x.low) / Math.log(x.high / x.low);
  if (from !== at && share > 0.2 && share < 0.8) return from > at ? "left" : "right";
  return share > 0.66 ? "left" : "right";
}

/**
 * Topics by frequency (log) and impact, cut by two lines into four named fields. A point near a line is hollow: it is
 * not certain which side it belongs to.
 */
export function quadrantOption(
  quadrants: Quadrants,
  input: { format: Format; words: Words; narrow: boolean; say: (text: Bilingual) => string },
): ChartOption {
  const { format, words, narrow, say } = input;
  const x = frequencyBounds(quadrants);
  const y = impactBounds(quadrants);
  const most = Math.max(1, ...quadrants.points.map((p) => p.contacts));
  const lines = { x: quadrants.frequency_line, y: quadrants.impact_line };

  // On a phone the figures alone: the words would run into the names of the fields.
  const lineX = format.decimal(lines.x, lines.x < 10 ? 1 : 0);
  const lineY = format.percent(lines.y);

  // How far each topic may really lie from where it is drawn: in full where its side is uncertain.
  const clip = (value: number, bounds: Bounds) => Math.min(bounds.high, Math.max(bounds.low, value));
  const whiskers = quadrants.points.flatMap((point) => {
    if (narrow && !point.borderline) return [];
    const lineStyle = {
      color: quadrantColour[point.quadrant],
      type: "solid" as const,
      width: 1.5,
      opacity: point.borderline ? 0.7 : 0.28,
    };
    const at = clip(frequency(point), x);
    const line = (from: [number, number], to: [number, number]) => [
      { coord: from, lineStyle, symbol: "none" },
      { coord: to, symbol: "none" },
    ];
    const { contacts_per_week_low: fewest, contacts_per_week_high: most } = point;
    return [
      line([at, clip(point.impact_low, y)], [at, clip(point.impact_high, y)]),
      ...(typeof fewest === "number" && typeof most === "number"
        ? [line([clip(fewest, x), point.impact], [clip(most, x), point.impact])]
        : []),
    ];
  });
  const trails = quadrants.points.flatMap((point) => {
    const start = trailStart(point, x, y);
    if (!start) return [];
    return [
      [
        {
          coord: start.at,
          symbol: "circle",
          symbolSize: 5,
          lineStyle: { color: quadrantColour[start.from], type: "dashed" as const, width: 2, opacity: 0.9 },
          itemStyle: { color: quadrantColour[start.from] },
        },
        { coord: [clip(frequency(point), x), point.impact], symbol: "arrow", symbolSize: 9 },
      ],
    ];
  });

  const field = (quadrant: Quadrant, from: [number, number], to: [number, number]) => [
    {
      coord: from,
      name: words.quadrant[quadrant],
      itemStyle: { color: quadrantColour[quadrant], opacity: quadrant === "fix_now" ? 0.07 : 0.035 },
      label: {
        show: true,
        color: quadrantColour[quadrant],
        fontSize: 13,
        fontWeight: 600,
        position: quadrant === "plan" || quadrant === "watch" ? "insideTopLeft" : "insideTopRight",
        ...(quadrant === "watch" && { position: "insideBottomLeft" }),
        ...(quadrant === "quick_win" && { position: "insideBottomRight" }),
      },
    },
    { coord: to },
  ];

  return {
    ...baseOption,
    grid: { left: narrow ? 8 : 30, right: 16, top: 12, bottom: 26, containLabel: true },
    tooltip: {
      ...tooltipStyle,
      trigger: "item",
      formatter: (item) => {
        const one = Array.isArray(item) ? item[0] : item;
        const point = (one?.data as { point?: QuadrantPoint } | undefined)?.point;
        if (!point) return "";
        const { movement, money, unhappy_per_week: unhappy } = point;
        const moved =
          movement?.previous && movement.since && movement.previous !== point.quadrant && words.moved
            ? words.moved(words.quadrant[movement.previous], format.date(movement.since))
            : "";
        return tooltipTable(
          `${say(point.name)} · ${words.quadrant[point.quadrant]}`,
          [
            [words.contacts, format.count(point.contacts)],
            [words.perWeek, format.decimal(point.contacts_per_week, 1)],
            [words.rated, format.count(point.rated)],
            [words.impact, format.percent(point.impact)],
            [words.range, `${format.percent(point.impact_low)} – ${format.percent(point.impact_high)}`],
            [words.risk, format.percent(point.risk_share)],
            [words.minutes, format.count(point.handling_minutes)],
            ...(typeof unhappy === "number" && words.unhappy
              ? [[words.unhappy, format.decimal(unhappy, 1)] as [string, string]]
              : []),
            ...(typeof money?.total_cents_per_month === "number" && words.money
              ? [[words.money, format.money(money.total_cents_per_month)] as [string, string]]
              : []),
          ],
          [
            point.override ? (words.decided ?? "") : "",
            moved,
            point.borderline ? words.borderline : "",
            point.issue_id ? words.clickIssue : words.clickTopic,
          ]
            .filter(Boolean)
            .join(" · "),
        );
      },
    },
    xAxis: {
      type: "log",
      min: x.low,
      max: x.high,
      name: words.x,
      nameLocation: "middle",
      nameGap: 26,
      ...axisStyle,
      splitLine: { show: false },
      axisLabel: {
        ...axisStyle.axisLabel,
        customValues: frequencyTicks(x),
        hideOverlap: true,
        formatter: (value: number) => (value >= 1 ? format.compact(value) : String(value)),
      },
    },
    yAxis: {
      type: "value",
      min: y.low,
      max: y.high,
      name: narrow ? "" : words.y,
      nameLocation: "middle",
      nameGap: 46,
      interval: y.step,
      ...axisStyle,
      splitLine: { show: false },
      axisLabel: { ...axisStyle.axisLabel, formatter: (value: number) => format.percent(value, 0) },
    },
    series: [
      {
        type: "scatter",
        data: quadrants.points.map((point, index) => ({
          value: [Math.max(frequency(point), x.low), point.impact],
          point,
          symbolSize: 10 + 22 * Math.sqrt(point.contacts / most),
          itemStyle: point.borderline
            ? { color: colour.surface, borderColor: quadrantColour[point.quadrant], borderWidth: 2.5 }
            : {
                color: quadrantColour[point.quadrant],
                borderColor: colour.surface,
                borderWidth: 1.5,
                opacity: 0.9,
              },
          label: {
            show: true,
            // A phone has no room for names: numbers, and the names in the key below.
            formatter: narrow ? String(index + 1) : say(point.name),
            position: nameSide(point, x, y),
            color: colour.ink,
            fontSize: 12,
            fontWeight: narrow ? 600 : undefined,
            textBorderColor: colour.surface,
            textBorderWidth: 3,
          },
        })),
        // Names move out of each other's way; none is left out.
        labelLayout: { hideOverlap: false, moveOverlap: "shiftY" },
        emphasis: { scale: 1.15 },
        markArea: {
          silent: true,
          data: [
            field("plan", [x.low, y.high], [lines.x, lines.y]),
            field("fix_now", [lines.x, y.high], [x.high, lines.y]),
            field("watch", [x.low, lines.y], [lines.x, y.low]),
            field("quick_win", [lines.x, lines.y], [x.high, y.low]),
          ] as never,
        },
        markLine: {
          silent: true,
          symbol: "none",
          lineStyle: { color: colour.inkFaint, type: "dashed", width: 1 },
          label: { color: colour.inkFaint, fontSize: 11.5 },
          data: [
            {
              xAxis: lines.x,
              label: {
                formatter: narrow ? lineX : words.lineX(lineX),
                position: "insideStartTop",
                rotate: 0,
                align: "right",
                padding: [0, 8, 4, 0],
              },
            },
            {
              yAxis: lines.y,
              label: { formatter: narrow ? lineY : words.lineY(lineY), position: "insideStartTop" },
            },
          ],
        },
      },
      {
        // Below the points: intervals and where topics came from.
        type: "scatter",
        data: [],
        silent: true,
        z: 1,
        markLine: {
          silent: true,
          symbol: "none",
          label: { show: false },
          data: [...whiskers, ...trails] as never,
        },
      },
    ],
  };
}
