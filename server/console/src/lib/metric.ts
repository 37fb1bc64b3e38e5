import type { Metric } from "../api/evidence";
import { word } from "../i18n";
import type { Format } from "./format";

/** How a metric is counted: yes or no per answer, stars, seconds, or how many there are. */
export type MetricKind = "share" | "stars" | "seconds" | "rate";

export function kindOf(metric: Metric): MetricKind {
  if (metric === "mean_rating") return "stars";
  if (metric === "aht") return "seconds";
  if (metric === "volume") return "rate";
  return "share";
}

/** Whether a rise is good. */
export function higherIsBetter(metric: Metric): boolean {
  return (
    metric === "csat" ||
    metric === "mean_rating" ||
    metric === "fcr" ||
    metric === "containment" ||
    metric === "helpful_share"
  );
}

const DASH = "–";

/** A level of a metric: a percentage, stars, seconds, or contacts a day. */
export function level(format: Format, metric: Metric, value: number | null | undefined): string {
  if (typeof value !== "number") return DASH;
  switch (kindOf(metric)) {
    case "share":
      return format.percent(value);
    case "stars":
      return format.decimal(value, 2);
    case "seconds":
      return `${format.decimal(value, 0)} ${word("unit", "seconds")}`;
    case "rate":
      return format.decimal(value, 1);
  }
}

/** A change of a metric: points of a share, stars, or a percentage of what it was. */
export function change(
  format: Format,
  metric: Metric,
  value: number | null | undefined,
  digits?: number,
): string {
  if (typeof value !== "number") return DASH;
  switch (kindOf(metric)) {
    case "share":
      return format.points(value, digits);
    case "stars":
      return `${format.signed(value, 2)} ${word("unit", "stars")}`;
    case "seconds":
    case "rate":
      return format.change(value, digits);
  }
}

/** The same without its unit, for axes. */
export function shortChange(format: Format, metric: Metric, value: number): string {
  switch (kindOf(metric)) {
    case "share":
      return format.signed(value * 100, 0);
    case "stars":
      return format.signed(value, 1);
    case "seconds":
    case "rate":
      return format.change(value);
  }
}

/** The figure of `GET /facts` that shows a metric day by day. */
export function factOf(metric: Metric): string {
  return metric === "volume" ? "contacts" : metric;
}

/** Whether days are averaged by their answers; a rate's days count alike. */
export function weighted(metric: Metric): boolean {
  return kindOf(metric) !== "rate";
}
