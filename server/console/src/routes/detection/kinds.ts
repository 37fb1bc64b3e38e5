import type { DetectorKind, DetectorParams } from "../../api/evidence";

/** One parameter of a kind: what may be entered, and what counts when nothing is. */
export type Param = {
  name: string;
  type: "whole" | "real" | "share" | "words" | "yes" | "window";
  min: number;
  max: number;
  usual: number | boolean | string | string[];
  step?: number;
  /** Sensible as it is; shown on request. */
  fine?: boolean;
};

const MOST = 1_000_000;
const whole = (name: string, usual: number, min = 0, max = MOST, fine = false): Param => ({
  name,
  type: "whole",
  min,
  max,
  usual,
  fine,
});
const real = (name: string, usual: number, min: number, max: number, step: number, fine = false): Param => ({
  name,
  type: "real",
  min,
  max,
  usual,
  step,
  fine,
});
const share = (name: string, usual: number, min = 0, max = 1): Param => ({
  name,
  type: "share",
  min,
  max,
  usual,
});

const window: Param = { name: "window", type: "window", min: 0, max: 0, usual: "1d" };

/** Windows that are offered; a rule may have any other that the server takes. */
export const WINDOWS = ["15m", "30m", "1h", "2h", "4h", "8h", "24h", "1d", "3d", "7d", "14d", "28d"];

/** What a window says: its length, and whether it ends with a voice or is whole calendar days. */
export function windowParts(window: string): { n: number; unit: "m" | "h" | "d" } | undefined {
  const found = /^([1-9][0-9]*)([mhd])$/.exec(window);
  return found ? { n: Number(found[1]), unit: found[2] as "m" | "h" | "d" } : undefined;
}

/** The parameters of each kind with the server's defaults and bounds. */
export const PARAMS: Record<DetectorKind, readonly Param[]> = {
  threshold: [whole("limit", 50), window],
  spike: [
    real("factor", 1.5, 1.05, 10, 0.1),
    whole("min_excess", 3, 1),
    whole("min_week", 5),
    real("alarms_per_year", 0.15, 0.001, 50, 0.05, true),
    real("day_alarms_per_year", 0.25, 0.001, 50, 0.05, true),
    { name: "with_channel", type: "yes", min: 0, max: 1, usual: true, fine: true },
    whole("quiet_days", 14, 0, 90, true),
    whole("weekday_weeks", 0, 0, 12, true),
    whole("min_history_days", 7, 3, 400, true),
    whole("short_min_count", 15, 1, MOST, true),
    real("short_min_ratio", 2, 1, 100, 0.1, true),
    real("short_probability", 0.0001, 1e-12, 0.05, 0.0001, true),
    real("short_dispersion", 0.04, 0, 2, 0.01, true),
  ],
  csat_fall: [
    real("odds_ratio", 1.65, 1.05, 20, 0.05),
    real("alarms_per_year", 0.5, 0.001, 50, 0.05),
    real("min_rated_per_day", 1, 0.1, MOST, 0.5),
    real("noise", 1.15, 1, 20, 0.05, true),
    real("prior_ratings", 40, 1, 10_000, 1, true),
    whole("maturity_days", 0, 0, 14, true),
    whole("quiet_days", 14, 0, 90, true),
  ],
  risk: [whole("limit", 0), window],
  low_rating: [whole("max_rating", 2, 1, 4), whole("limit", 0), window],
  no_result_search: [whole("limit", 4), whole("window_days", 7, 1, 28), share("min_share", 0.5)],
  unhelpful_article: [
    share("max_unhelpful_share", 0.4),
    whole("min_votes", 10, 1),
    whole("min_views", 30, 1),
    whole("window_days", 28, 7, 120),
  ],
  agent_drift: [
    real("max_handling_ratio", 1.3, 1.01, 20, 0.05),
    whole("falls", 3, 2, 12),
    share("min_fall", 0.1),
    whole("min_handled", 20, 2, MOST, true),
    whole("min_rated", 20, 1, MOST, true),
    real("min_deviation", 4, 1, 20, 0.5, true),
  ],
  phrase: [{ name: "phrases", type: "words", min: 1, max: 100, usual: [] }, whole("limit", 0), window],
  silent_source: [
    share("max_share", 0.2, 0, 0.9),
    real("min_expected", 5, 1, MOST, 1),
    real("probability", 0.0001, 1e-12, 0.05, 0.0001, true),
    whole("weeks", 8, 2, 26, true),
    { name: "within_day", type: "yes", min: 0, max: 1, usual: true, fine: true },
  ],
  new_topic: [whole("min_contacts", 5, 1), whole("min_days", 2, 1, 28), whole("window_days", 7, 2, 28)],
};

export const KINDS = Object.keys(PARAMS) as DetectorKind[];

/** Fires with the voice that crosses the line; the others look at whole days at their close. */
export const IMMEDIATE: ReadonlySet<DetectorKind> = new Set([
  "threshold",
  "risk",
  "low_rating",
  "phrase",
  "no_result_search",
]);

/** What a kind may be narrowed to; searches, articles and agents have no topic. */
export function scopesOf(kind: DetectorKind): ReadonlyArray<"topic" | "channel" | "region"> {
  switch (kind) {
    case "no_result_search":
    case "unhelpful_article":
    case "agent_drift":
      return [];
    case "silent_source":
      return ["channel"];
    default:
      return ["topic", "channel", "region"];
  }
}

/** Parameters with the usual value wherever none is given. */
export function withDefaults(kind: DetectorKind, params: DetectorParams): DetectorParams {
  const known = Object.fromEntries(PARAMS[kind].map((param) => [param.name, param.usual]));
  return { ...known, ...params };
}

/** Shares are entered in percent; everything else as the server has it. */
export function toForm(kind: DetectorKind, params: DetectorParams): DetectorParams {
  const values = withDefaults(kind, params);
  for (const param of PARAMS[kind]) {
    const value = values[param.name];
    if (param.type === "share" && typeof value === "number") {
      values[param.name] = Math.round(value * 1000) / 10;
    }
  }
  return values;
}

/**
 * What is sent: the kind's own parameters as entered. Those of a saved rule that this form does not know stay as they
 * are, so that an older page does not undo what a newer one set.
 */
export function fromForm(
  kind: DetectorKind,
  values: DetectorParams,
  saved: DetectorParams = {},
): DetectorParams {
  const params: DetectorParams = { ...saved };
  for (const param of PARAMS[kind]) {
    const value = values[param.name];
    if (value === null || value === undefined) continue;
    params[param.name] =
      param.type === "share" && typeof value === "number" ? Math.round(value * 10) / 1000 : value;
  }
  return params;
}
