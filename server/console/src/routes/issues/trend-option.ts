import type { CalendarNote } from "../../api/evidence";
import type { FactRow, Topic } from "../../api/types";
import {
  axisStyle,
  baseOption,
  type ChartOption,
  tooltipStyle,
  tooltipTable,
} from "../../components/chart-option";
import type { Format } from "../../lib/format";
import { colour } from "../../styles/tokens";
import { subtree } from "../topics/tree";
import { daysBetween, weekly } from "../verification/before-after-option";

/** What is noted about a topic's days: for everything, for the topic, or for one above it. */
export function noted(
  notes: readonly CalendarNote[],
  topic: string,
  topics: readonly Topic[],
  from: string,
  to: string,
): CalendarNote[] {
  return notes.filter(
    (note) =>
      note.from <= to &&
      note.to >= from &&
      (note.topics.length === 0 || note.topics.some((key) => subtree(key, topics).includes(topic))),
  );
}

/** Contacts a day as bars with the weekly satisfaction as a line over them; days without ratings leave a gap. */
export function trendOption(input: {
  contacts: readonly FactRow[];
  csat: readonly FactRow[];
  from: string;
  to: string;
  /** Days that are known to be different: drawn, and left out of baselines by the server. */
  notes?: readonly CalendarNote[];
  format: Format;
  words: { contacts: string; csat: string; rated: (n: string) => string };
}): ChartOption {
  const { contacts, csat, format, words } = input;
  const days = daysBetween(input.from, input.to);
  const perDay = new Map(contacts.map((row) => [row.day, row.value ?? 0]));
  const rated = new Map(csat.map((row) => [row.day, row.n]));
  const smooth = weekly(csat, days);
  return {
    ...baseOption,
    grid: { left: 4, right: 4, top: 24, bottom: 4, containLabel: true },
    tooltip: {
      ...tooltipStyle,
      trigger: "axis",
      axisPointer: { type: "shadow" },
      formatter: (items) => {
        const index = (Array.isArray(items) ? items[0] : items)?.dataIndex ?? 0;
        const day = days[index];
        if (day === undefined) return "";
        return tooltipTable(format.day(day), [
          [words.contacts, format.count(perDay.get(day) ?? 0)],
          [words.csat, format.percent(smooth[index])],
          [words.rated(format.count(rated.get(day) ?? 0)), ""],
        ]);
      },
    },
    xAxis: {
      type: "category",
      data: days,
      ...axisStyle,
      axisLabel: {
        ...axisStyle.axisLabel,
        hideOverlap: true,
        formatter: (day: string) => format.dayShort(day),
      },
    },
    yAxis: [
      {
        type: "value",
        minInterval: 1,
        name: words.contacts,
        ...axisStyle,
        nameTextStyle: { ...axisStyle.nameTextStyle, align: "left" },
        axisLabel: { ...axisStyle.axisLabel, formatter: (value: number) => format.compact(value) },
      },
      {
        type: "value",
        min: 0,
        max: 1,
        name: words.csat,
        ...axisStyle,
        nameTextStyle: { ...axisStyle.nameTextStyle, align: "right" },
        splitLine: { show: false },
        axisLabel: { ...axisStyle.axisLabel, formatter: (value: number) => format.percent(value, 0) },
      },
    ],
    series: [
      {
        type: "bar",
        name: words.contacts,
        data: days.map((day) => perDay.get(day) ?? 0),
        itemStyle: { color: colour.teal300, borderRadius: [2, 2, 0, 0] },
        barCategoryGap: "28%",
        markArea: {
          silent: true,
          itemStyle: { color: colour.inkFaint, opacity: 0.16 },
          label: { position: "insideTop", color: colour.inkFaint, fontSize: 11 },
          data: (input.notes ?? []).map((note) => [
            { name: note.name, xAxis: note.from < input.from ? input.from : note.from },
            { xAxis: note.to > input.to ? input.to : note.to },
          ]) as never,
        },
      },
      {
        type: "line",
        name: words.csat,
        yAxisIndex: 1,
        data: smooth.map((value) => value ?? "-"),
        showSymbol: false,
        connectNulls: false,
        lineStyle: { color: colour.accent, width: 2.2 },
        itemStyle: { color: colour.accent },
      },
    ],
  };
}
