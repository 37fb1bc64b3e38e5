/**
 * What the pages read of evidence: verification with its looks, control and savings, detectors of every kind with their
 * back-test, quadrants with their lines. Servers before these leave the fields out, hence all of them are optional.
 */
import type { Bilingual, Effect, Quadrant, Verdict } from "./types";

// ---- verification ---------------------------------------------------------------------------

export type Metric =
  | "csat"
  | "mean_rating"
  | "fcr"
  | "repeat_share"
  | "no_result_share"
  | "negative_share"
  | "containment"
  | "aht"
  | "volume";

/** Compared with nothing, or with the other topics of the same channels. */
export type Control = {
  kind: string;
  /** `not_asked`, `too_few_topics` or `too_few_answers`. */
  why?: string;
  topics?: number;
  /** Names or keys of the topics compared with. */
  topic_keys?: string[];
  before?: number | null;
  after?: number | null;
  effect?: number | null;
  n_before?: number;
  n_after?: number;
};
/** What a nightly evaluation of one day gave. */
export type Look = {
  last_day: string;
  fraction: number;
  boundary: number;
  effect?: number | null;
  low?: number | null;
  high?: number | null;
};
export type GuardResult = {
  metric: Metric;
  limit: number;
  before: number | null;
  after: number | null;
  /** With an interval of 98 %. */
  effect: Effect | null;
  worse: boolean;
};
export type Displaced = {
  topic: Bilingual;
  key?: string;
  before: number;
  after: number;
  effect: Effect;
  p_value: number;
};
export type Trend = { slope_per_week: number; z: number; significant: boolean; weeks: number };
export type TippingPoint = {
  rate_before: number;
  rate_after: number;
  satisfaction: number;
  can_erase: boolean;
  sentence: Bilingual;
};
export type Heterogeneity = {
  p_value: number | null;
  differs: boolean;
  channels: { channel: string; n_before: number; n_after: number; value: number }[];
};
export type Chance = { share: number; family: string; per_day: number };
export type PastVerdict = {
  computed_at: string;
  verdict: Verdict;
  /** `nightly`, `late_data`, `asked` …: what made it be computed. */
  cause?: string;
  effect?: Effect | null;
  sentence?: Bilingual;
};
export type Amount = { value: number; low: number; high: number };
/** What an improvement is worth. Money is in cents and stands beside satisfaction, never inside it. */
export type Savings = {
  days: number;
  contacts_avoided: Amount | null;
  cost_per_contact_cents?: number | null;
  secured_cents: number | null;
  estimated_cents: number | null;
  freed_hours: number | null;
  compensation_avoided_cents?: number | null;
  per_year_cents: number | null;
  no_money: string | null;
  sentence: Bilingual;
};
/** What one verified task was worth in one month. */
export type Statement = {
  month: string;
  task: string;
  topic: string;
  from: string;
  to: string;
  contacts: number;
  savings: Savings;
  /** Why its days end before the month does: `relapse`, `twelve_months` or `running`. */
  ended: string | null;
  together_with: string[];
  /** The task that it is counted with in the organisation's sum; null = counted by itself. */
  counted_with: string | null;
  sentence: Bilingual;
};
/** The organisation's month: every topic counts once. */
export type SavingsReport = {
  month: string;
  contacts_avoided: Amount;
  secured_cents: number | null;
  estimated_cents: number | null;
  freed_hours: number | null;
  compensation_avoided_cents: number | null;
  statements: Statement[];
  sentence: Bilingual;
  /** Total cost ÷ tickets resolved in the month; null = no data. */
  cost_per_ticket_cents?: number | null;
};
export type MoreMethod = { control_factor?: number };
export type MoreVerification = {
  decided_on?: string | null;
  guard_metrics?: GuardResult[];
  displacement?: Displaced[];
  trend?: Trend | null;
  tipping_point?: TippingPoint | null;
  heterogeneity?: Heterogeneity | null;
  chance?: Chance;
  savings?: Savings | null;
  closed_days?: string[];
  gaps?: { channel: string; from: string; to: string; what: string }[];
  annotations?: { day: string; kind: string; text: string }[];
};

// ---- the contract ---------------------------------------------------------------------------

export type MoreContract = {
  chosen?: "rule" | "person";
  guards?: { metric: Metric; limit: number }[];
  control?: "none" | "other_topics";
  watched_topic?: string | null;
};

// ---- detectors ------------------------------------------------------------------------------

export type DetectorKind =
  | "threshold"
  | "spike"
  | "csat_fall"
  | "risk"
  | "low_rating"
  | "no_result_search"
  | "unhelpful_article"
  | "agent_drift"
  | "phrase"
  | "silent_source"
  | "new_topic";
export type DetectorParams = Record<string, number | string | string[]>;
export type Mute = { until: string; reason: string };
export type Subject = { kind: string; key: string };
export type BacktestSignal = {
  topic?: string | null;
  subject?: Subject;
  day: string;
  count: number;
  limit: number;
  customers?: number | null;
  baseline?: number | null;
  explanation?: Bilingual;
  information?: boolean;
};
export type BacktestDay = {
  day: string;
  count: number;
  limit?: number | null;
  baseline?: number | null;
  signals?: number;
};
export type Backtest = {
  signals: BacktestSignal[];
  issues: number;
  mails?: number;
  days?: BacktestDay[];
};

// ---- quadrants ------------------------------------------------------------------------------

/** A person's decision that stands until it is released. */
export type QuadrantOverride = { quadrant: Quadrant; reason: string; by: string; at: string };
