import type { BarSeriesOption, LineSeriesOption, ScatterSeriesOption } from "echarts/charts";
import type { GridComponentOption, TooltipComponentOption } from "echarts/components";
import type { ComposeOption } from "echarts/core";
import { colour, fontFamily } from "../styles/tokens";

export type ChartOption = ComposeOption<
  BarSeriesOption | LineSeriesOption | ScatterSeriesOption | GridComponentOption | TooltipComponentOption
>;

/** Names come from people; tooltips are HTML. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
}

export function tooltipTable(
  title: string,
  rows: ReadonlyArray<readonly [string, string]>,
  foot = "",
): string {
  const cells = rows
    .map(
      ([name, value]) =>
        `<tr><td style="padding-right:14px;color:${colour.inkFaint}">${escapeHtml(name)}</td>` +
        `<td style="text-align:right;font-variant-numeric:tabular-nums">${escapeHtml(value)}</td></tr>`,
    )
    .join("");
  const footer = foot ? `<div style="color:${colour.inkFaint};margin-top:4px">${escapeHtml(foot)}</div>` : "";
  return `<strong>${escapeHtml(title)}</strong><table>${cells}</table>${footer}`;
}

export const baseOption = {
  animation: false,
  textStyle: { fontFamily, color: colour.ink },
} as const;

export const axisStyle = {
  axisLine: { lineStyle: { color: colour.line } },
  axisTick: { show: false },
  axisLabel: { color: colour.inkFaint, fontSize: 12 },
  nameTextStyle: { color: colour.inkFaint, fontSize: 12 },
  splitLine: { lineStyle: { color: colour.lineSoft } },
};

export const tooltipStyle = {
  borderColor: colour.line,
  textStyle: { color: colour.ink, fontSize: 13 },
  extraCssText:
    "border-radius:8px;box-shadow:0 6px 20px rgb(11 59 64 / 12%);max-width:320px;white-space:normal;",
  confine: true,
} as const;
