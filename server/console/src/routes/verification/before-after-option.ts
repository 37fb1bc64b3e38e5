import type { FactRow, Verification } from "../../api/types";
import {
  axisStyle,
  baseOption,
  type ChartOption,
  tooltipStyle,
  tooltipTable,
} from "../../components/chart-option";
import { addDays, type Format } from "../../lib/format";
import { kindOf, level as levelText, weighted } from "../../lib/metric";
import { colour, verdictColour } from "../../styles/tokens";

export type Words = {
  metric: string;
  weekly: string;
  baseline: string;
  guard: string;
  after: string;
  usual: string;
  fix: string;
  meanBefore: (value: string) => string;
  meanAfter: (value: string) => string;
  meanUsual: (value: string) => string;
  answers: (n: string) => string;
  alarm?: string;
  closed?: string;
  gap?: (what: string) => string;
};

/** Days that need a word: why they look as they do. */
export type Marks = {
  alarmDay?: string | null;
  closedDays?: readonly string[];
  gaps?: ReadonlyArray<{ channel: string; from: string; to: string; what: string }>;
  annotations?: ReadonlyArray<{ day: string; text: string }>;
};

export type Window = { from: string; to: string };

/** Days around the alarm that are never used, when they lie before the fix. */
export function guardWindow(
  contract: { alarm_day?: string | null | undefined; guard_days: number },
  effectiveDay: string,
): Window | null {
  const alarm = contract.alarm_day;
  if (!alarm || alarm >= effectiveDay) return null;
  return { from: addDays(alarm, 1 - contract.guard_days), to: alarm };
}

/** The quiet days before the guard: the usual level. */
export function quietWindow(guard: Window, days: number): Window {
  return { from: addDays(guard.from, -days), to: addDays(guard.from, -1) };
}

/** Mean of the daily values of a window, weighted by answers (shares) or by days (counts). */
function meanOf(rows: readonly FactRow[], window: Window, weighted: boolean): number | null {
  let weight = 0;
  let sum = 0;
  for (const row of rows) {
    if (!row.day || row.day < window.from || row.day > window.to || typeof row.value !== "number") continue;
    const w = weighted ? row.n : 1;
    weight += w;
    sum += w * row.value;
  }
  return weight > 0 ? sum / weight : null;
}

/** Mean of the last seven days, weighted by answers; null where they hold fewer than five. */
export function weekly(rows: readonly FactRow[], days: readonly string[]): Array<number | null> {
  const byDay = new Map(rows.map((row) => [row.day, row]));
  // Days that are still to come have no mean, however close the last answers are.
  const lastDay = rows.reduce((last, row) => (row.day && row.day > last ? row.day : last), "");
  return days.map((today, index) => {
    if (today > lastDay) return null;
    let n = 0;
    let sum = 0;
    for (const day of days.slice(Math.max(0, index - 6), index + 1)) {
      const row = byDay.get(day);
      if (!row || typeof row.value !== "number") continue;
      n += row.n;
      sum += row.n * row.value;
    }
    return n >= 5 ? sum / n : null;
  });
}

export function daysBetween(from: string, to: string): string[] {
  const days: string[] = [];
  for (let day = from; day <= to && days.length < 400; day = addDays(day, 1)) days.push(day);
  return days;
}

/** Width of the widest line of a label, roughly: Chinese characters are square. */
function labelWidth(text: string): number {
  const width = (line: string) => [...line].reduce((sum, c) => sum + (c > "\u2e7f" ? 12 : 5.6), 0);
  return Math.max(...text.split("\n").map(width));
}

/** Plot width that the names of bands must fit in; phones show none. */
const USUAL_WIDTH = 700;
const ROW = 16;

/** Where the label of a line stands: to which side of the line and how many rows above the plot. */
type Spot = { align: "left" | "right"; row: number };

/**
 * Labels above the plot, none over another however close the lines are: the fix reads away from its line, an alarm
 * before it to the other side, and what else there is stands in rows above.
 */
export function placeLabels(places: { fix: number; alarm: number | null; notes: readonly number[] }): {
  fix: Spot;
  alarm: Spot | null;
  notes: Spot[];
  rows: number;
} {
  // Near the right edge a label has no room but to the left.
  const side = (place: number): Spot["align"] => (place > 0.75 ? "right" : "left");
  const fix: Spot = { align: side(places.fix), row: 0 };
  let rows = 1;
  let alarm: Spot | null = null;
  if (places.alarm !== null) {
    const apart = places.alarm < places.fix && places.alarm > 0.2 && fix.align === "left";
    alarm = apart ? { align: "right", row: 0 } : { align: side(places.alarm), row: rows++ };
  }
  const notes = places.notes.map((place, index): Spot => ({ align: side(place), row: rows + (index % 2) }));
  rows += Math.min(2, notes.length);
  return { fix, alarm, notes, rows };
}

/**
 * Daily values around a fix: a dot a day, its size the number of answers, a weekly mean, bands for the windows that
 * are compared and for the days that are left out, and a line at the fix.
 */
export function beforeAfterOption(input: {
  rows: readonly FactRow[];
  window: Window;
  verification: Pick<Verification, "before" | "after" | "metric" | "verdict">;
  effectiveDay: string;
  guard: Window | null;
  /** The usual days, where they are not the baseline but what a recovery is measured by. */
  usual: Window | null;
  format: Format;
  words: Words;
  marks?: Marks;
  /** On a phone the bands are too narrow for their names; colours and the text below tell them. */
  narrow?: boolean;
}): ChartOption {
  const { rows, verification, guard, usual, format, words, effectiveDay } = input;
  const days = daysBetween(input.window.from, input.window.to);
  const first = input.window.from;
  const last = input.window.to;
  const inside = (day: string) => (day < first ? first : day > last ? last : day);
  const byDay = new Map(rows.map((row) => [row.day, row]));
  const kind = kindOf(verification.metric);
  const csat = kind === "share";
  const smooth = weighted(verification.metric);
  const marks = input.marks ?? {};
  const show = (value: number) =>
    kind === "rate" ? format.decimal(value, 0) : levelText(format, verification.metric, value);
  const most = Math.max(1, ...rows.map((row) => row.n));
  const weeklyMean = smooth ? weekly(rows, days) : [];
  const values = rows.flatMap((row) => (typeof row.value === "number" ? [row.value] : []));
  const low = csat
    ? Math.max(0, Math.floor((Math.min(...values, 0.95) - 0.05) * 10) / 10)
    : kind === "stars"
      ? 1
      : 0;
  // A share that is small on every day needs no axis up to one.
  const top = csat ? Math.min(1, Math.ceil((Math.max(...values, 0.2) + 0.05) * 10) / 10) : 5;
  const { before, after, verdict } = verification;

  /** Part of the chart's width that lies before a day. */
  const place = (day: string) => days.indexOf(inside(day)) / Math.max(1, days.length - 1);
  const share = (window: Window) => place(window.to) - place(window.from);

  const level = (
    window: Window | null,
    value: number | null,
    name: string,
    stroke: string,
    type = "solid",
  ) =>
    window && value !== null
      ? [
          [
            {
              coord: [inside(window.from), value],
              lineStyle: { color: stroke, type, width: type === "solid" ? 2.5 : 1.5 },
              label: {
                show: true,
                // A short window late on the chart has no room to its right but over the next one.
                position:
                  share(window) < (input.narrow ? 0.28 : 0.12) && place(window.from) > 0.3
                    ? "insideEndTop"
                    : "insideStartTop",
                formatter: name,
                color: stroke,
                fontWeight: 600,
                fontSize: 12,
                // Dots and the weekly mean pass behind the label, not through it.
                backgroundColor: "rgb(255 255 255 / 88%)",
                padding: [1, 4],
                borderRadius: 3,
              },
            },
            { coord: [inside(window.to), value] },
          ],
        ]
      : [];
  const windowOf = (side: Verification["before"]): Window | null =>
    side.from && side.to ? { from: side.from, to: side.to } : null;
  const usualLevel = usual ? meanOf(rows, usual, smooth) : null;

  // A window that lies outside the chart has no band.
  const band = (
    window: Window,
    name: string,
    fill: string,
    text: string,
    label: { position?: string; distance?: number; always?: boolean } = {},
  ) =>
    window.to < first || window.from > last
      ? []
      : [
          [
            {
              name,
              xAxis: inside(window.from),
              itemStyle: { color: fill },
              label: {
                show: !input.narrow && (label.always || labelWidth(name) <= share(window) * USUAL_WIDTH),
                color: text,
                fontSize: 12,
                lineHeight: 15,
                position: label.position ?? "insideTop",
                distance: label.distance ?? 5,
              },
            },
            { xAxis: inside(window.to) },
          ],
        ];

  // The baseline may lie on both sides of the guard.
  const baselines: Window[] = [];
  if (before.from && before.to) {
    if (guard && guard.from > before.from && guard.to < before.to) {
      baselines.push({ from: before.from, to: addDays(guard.from, -1) });
      baselines.push({ from: addDays(guard.to, 1), to: before.to });
    } else {
      baselines.push({ from: before.from, to: before.to });
    }
  }
  const areas = [
    ...(usual ? band(usual, words.usual, "rgb(95 115 118 / 5%)", colour.inkFaint) : []),
    ...baselines.flatMap((window, index) =>
      band(window, index === 0 ? words.baseline : "", "rgb(42 138 134 / 9%)", colour.teal700),
    ),
    ...(guard
      ? band(guard, words.guard, "rgb(95 115 118 / 16%)", colour.inkFaint, {
          position: "insideBottom",
          distance: 12,
        })
      : []),
    ...(after.from && after.to
      ? band({ from: after.from, to: after.to }, words.after, "rgb(194 89 42 / 9%)", colour.accent)
      : []),
    // A source that was silent: the days say less than they seem to.
    ...(marks.gaps ?? []).flatMap((gap) =>
      band(
        gap,
        words.gap?.(gap.what || gap.channel) ?? "",
        "rgb(179 50 44 / 13%)",
        "#b3322c",
        // Above the words of the guard where both share their days.
        {
          position: "insideBottom",
          distance: guard && gap.to >= guard.from && gap.from <= guard.to ? 48 : 12,
          always: true,
        },
      ),
    ),
  ];

  const inWindow = (day: string) => day >= first && day <= last;
  const alarmDay = marks.alarmDay && inWindow(marks.alarmDay) ? marks.alarmDay : null;
  const notes = (marks.annotations ?? []).filter((note) => inWindow(note.day));
  const spots = placeLabels({
    fix: place(effectiveDay),
    alarm: alarmDay === null ? null : place(alarmDay),
    notes: notes.map((note) => place(note.day)),
  });
  const pins = [
    ...(alarmDay && spots.alarm ? [{ day: alarmDay, text: words.alarm ?? "", spot: spots.alarm }] : []),
    ...notes.map((note, index) => ({ ...note, spot: spots.notes[index] ?? spots.fix })),
  ];
  const lineLabel = (text: string, spot: Spot) => ({
    formatter: text,
    position: "end" as const,
    fontSize: 12,
    align: spot.align,
    distance: 4 + ROW * spot.row,
    // Names of events come from people and may be long.
    ...(labelWidth(text) > 110 && { width: 110, overflow: "truncate" as const }),
  });
  const closed = (marks.closedDays ?? []).filter(inWindow);

  const dots = days.flatMap((day) => {
    const row = byDay.get(day);
    return row && typeof row.value === "number" ? [{ value: [day, row.value], n: row.n }] : [];
  });

  return {
    ...baseOption,
    grid: { left: 8, right: 16, top: 18 + ROW * spots.rows, bottom: 8, containLabel: true },
    tooltip: {
      ...tooltipStyle,
      trigger: "item",
      formatter: (item) => {
        const point = Array.isArray(item) ? item[0] : item;
        const data = point?.data as { value?: [string, number]; n?: number } | undefined;
        if (!data?.value) return "";
        const rows: Array<[string, string]> = [[words.metric, show(data.value[1])]];
        if (smooth && data.n !== undefined) rows.push([words.answers(format.count(data.n)), ""]);
        const day = data.value[0];
        const told = [
          ...pins.filter((pin) => pin.day === day).map((pin) => pin.text),
          ...(closed.includes(day) && words.closed ? [words.closed] : []),
        ];
        return tooltipTable(format.day(day), rows, told.join(" · "));
      },
    },
    xAxis: {
      type: "category",
      data: days,
      ...axisStyle,
      splitLine: { show: false },
      axisLabel: {
        ...axisStyle.axisLabel,
        formatter: (day: string) => format.dayShort(day),
        hideOverlap: true,
      },
    },
    yAxis: {
      type: "value",
      min: low,
      ...(csat || kind === "stars" ? { max: top } : {}),
      ...axisStyle,
      axisLabel: {
        ...axisStyle.axisLabel,
        formatter: (value: number) => (csat ? format.percent(value, 0) : format.compact(value)),
      },
    },
    series: [
      {
        type: "scatter",
        data: dots,
        symbolSize: (_: unknown, item: { data?: unknown }) =>
          3 + 7 * Math.sqrt(((item.data as { n?: number } | undefined)?.n ?? 1) / most),
        itemStyle: { color: colour.teal500, opacity: 0.55 },
        markArea: { silent: true, data: areas as never },
        markLine: {
          silent: true,
          symbol: "none",
          data: [
            {
              xAxis: effectiveDay,
              lineStyle: { color: colour.accent, width: 2, type: "solid" },
              label: { ...lineLabel(words.fix, spots.fix), color: colour.accent, fontWeight: 600 },
            },
            ...pins.map((pin) => ({
              xAxis: pin.day,
              lineStyle: { color: colour.inkFaint, width: 1.5, type: "dashed" as const },
              label: { ...lineLabel(pin.text, pin.spot), color: colour.inkSoft },
            })),
            ...([
              ...level(
                usual,
                usualLevel,
                usualLevel === null ? "" : words.meanUsual(show(usualLevel)),
                colour.inkFaint,
                "dashed",
              ),
              ...level(
                windowOf(before),
                before.value,
                before.value === null ? "" : words.meanBefore(show(before.value)),
                colour.teal700,
              ),
              ...level(
                windowOf(after),
                after.value,
                after.value === null ? "" : words.meanAfter(show(after.value)),
                verdictColour[verdict],
              ),
            ] as never[]),
          ],
        },
      },
      ...(closed.length > 0
        ? [
            {
              // Small marks on the axis: holidays count like weekends.
              type: "scatter" as const,
              name: words.closed ?? "",
              silent: true,
              data: closed.map((day) => [day, low] as [string, number]),
              symbol: "triangle",
              symbolSize: 7,
              symbolOffset: [0, -4] as [number, number],
              itemStyle: { color: colour.inkFaint },
            },
          ]
        : []),
      ...(smooth
        ? [
            {
              type: "line" as const,
              name: words.weekly,
              data: days.map((day, index) => [day, weeklyMean[index] ?? null] as [string, number | null]),
              showSymbol: false,
              silent: true,
              connectNulls: false,
              lineStyle: { color: colour.ink, width: 1.5, opacity: 0.55 },
            },
          ]
        : []),
    ],
  };
}
