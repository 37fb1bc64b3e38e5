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
  | "helpful_share"
  | "aht"
  | "volume";

/** Compared with nothing, or with the other topics of the same channels. */
export type Control = {
  kind: string;
  /** `not_asked`, `too_few_topics` or `too_few_answers`. */
  why?: string;
  topics?: number;
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
/** A verdict as it stood, why it was computed, and its sentence of that time. */
export type PastVerdict = {
  computed_at: string;
  verdict: Verdict;
  occasion?: "night" | "completion" | "request" | "late_data" | "new_ruler" | null;
  sentence?: Bilingual | null;
  missing?: string[];
};
/** A task that shares the verdict; the earliest fix judges them all. */
export type SetMember = { task_id: string; title: string; effective_day: string; first: boolean };
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
  /** The month is closed; this will not change any more. */
  frozen?: boolean;
};
/** The organisation's month: every topic counts once. */
export type SavingsReport = {
  month: string;
  contacts_avoided: Amount | null;
  secured_cents: number | null;
  estimated_cents: number | null;
  freed_hours: number | null;
  compensation_avoided_cents: number | null;
  cost?: {
    month?: string | null;
    total_cents: number | null;
    resolved: number;
    per_ticket_cents: number | null;
    per_avoided_cents: number | null;
  };
  statements: Statement[];
  sentence: Bilingual;
};
export type MoreMethod = { control_factor?: number };
export type MoreVerification = {
  decided_on?: string | null;
  guard_metrics?: GuardResult[];
  displacement?: Displaced[];
  gaps?: { channel: string; from: string; to: string; what: string }[];
  trend?: Trend | null;
  tipping_point?: TippingPoint | null;
  heterogeneity?: Heterogeneity | null;
  chance?: Chance;
  savings?: Savings | null;
  set?: SetMember[];
  /** The last day that can decide. */
  latest_day?: string;
};

// ---- the contract ---------------------------------------------------------------------------

/** A metric that the contract might take, with its plan. */
export type Candidate = {
  metric: Metric;
  /** The topic above, where it would be judged there. */
  watched_topic: string | null;
  expected_change: number;
  smallest_change: number;
  level: number | null;
  answers_needed: number | null;
  answers_per_day: number;
  days: number | null;
  power: { days: number; power: number }[];
  horizon_days: number | null;
  smallest_visible: number | null;
  decidable: "yes" | "no_answers" | "no_baseline" | "baseline_too_small" | "too_slow" | "change_too_small";
  reason: Bilingual;
};
/** Why a metric that a person asked for cannot be taken. */
export type Refusal = {
  metric: Metric;
  expected_change: number;
  why: string;
  smallest_visible: number | null;
  instead: Metric | null;
  instead_watched_topic?: string | null;
  sentence: Bilingual;
};
export type MoreContract = {
  chosen?: string;
  /** What is judged; its key is empty in contracts of an earlier version. */
  subject?: { kind: "topic" | "search_term" | "article" | "agent" | "channel"; key: string };
  measurable?: boolean;
  guards?: { metric: Metric; limit: number }[];
  control?: "none" | "other_topics";
  watched_topic?: string | null;
  candidates?: Candidate[];
  refused?: Refusal | null;
  notes?: { code: string; sentence: Bilingual }[];
};
/** What a person wants of a contract; the rest is by the rules. */
export type ContractWish = {
  metric?: Metric;
  watched_topic?: string;
  expected_change?: number;
  horizon_days?: number;
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
export type DetectorParams = Record<string, number | string | boolean | string[]>;
export type Mute = { until: string; reason: string };
export type Subject = { kind: string; key: string };
export type BacktestSignal = {
  topic?: string | null;
  subject?: Subject;
  day: string;
  count: number;
  limit: number;
  customers?: number | null;
  /** How many of them nobody is known to stand behind. */
  anonymous?: number | null;
  baseline?: number | null;
  explanation?: Bilingual;
  /** Worth knowing, no problem by itself: it opens no issue. */
  information?: boolean;
};
export type BacktestDay = {
  day: string;
  count: number;
  /** A share where the rule looks at one. */
  level?: number | null;
  limit?: number | null;
  baseline?: number | null;
  signal?: boolean;
  /** Why it does not ring above its limit, or why it has none. */
  note?: Bilingual | null;
};
export type Backtest = {
  signals: BacktestSignal[];
  issues: number;
  mails?: number;
  /** What the days are about; null: nothing rang. */
  series?: Subject | null;
  days?: BacktestDay[];
  /** What one must know of the answer, such as a bound that was met. */
  notes?: Bilingual[];
};
/** A signal that a rule raised, or would have raised had it not been muted. */
export type DetectorSignal = {
  id: string;
  day: string;
  fired_at: string;
  subject: Subject;
  subject_name: Bilingual;
  count: number;
  information: boolean;
  issue_id: string | null;
  withheld: boolean;
  explanation: Bilingual;
};
/** What a rule did in the last 28 days. */
export type DetectorActivity = {
  raised: number;
  withheld: number;
  muted: boolean;
};

// ---- quadrants ------------------------------------------------------------------------------

/** One line of the formula of an impact; the contributions add up to it. */
export type ImpactPart = {
  part: string;
  value: number;
  usual: number;
  weight: number;
  contribution: number;
  explanation: Bilingual;
};
/** What a topic costs in a month; it stands beside the impact and never enters it. */
export type MonthlyMoney = {
  handling_cents_per_month: number | null;
  compensation_cents_per_month: number;
  total_cents_per_month: number | null;
};
export type QuadrantMove = { at: string; day: string; from: Quadrant | null; to: Quadrant; why: Bilingual };
/** How a topic came where it stands: the changes of the last 12 weeks, oldest first. */
export type Movement = { previous: Quadrant | null; since: string | null; trail: QuadrantMove[] };
/** A person's decision that stands until it is released. */
export type QuadrantOverride = {
  quadrant: Quadrant;
  reason: string;
  by: { kind: string; name: string };
  at: string;
};
type Placed = {
  share?: number;
  parts?: ImpactPart[];
  unhappy_per_week?: number;
  avoidable_per_week?: number;
  hours_per_week?: number | null;
};
export type MorePoint = Placed & {
  contacts_per_week_low?: number;
  contacts_per_week_high?: number;
  impact_line?: number;
  expected?: number;
  money?: MonthlyMoney;
  computed_quadrant?: Quadrant;
  override?: QuadrantOverride | null;
  movement?: Movement;
  probability_frequent?: number;
  probability_bad?: number;
};
export type QuadrantLines = {
  frequency: number;
  frequency_rule: string;
  ratings: number;
  sentiment: number;
  impact_rule: string;
  /** Frozen since this day, until the next month; null: they still follow the facts. */
  drawn_on: string | null;
  frequency_today: number;
  ratings_today: number;
  sentiment_today: number;
};
export type MoreQuadrants = { lines?: QuadrantLines; money?: MonthlyMoney };
export type MoreFrequency = { share?: number; low?: number; high?: number; probability?: number | null };
export type MoreImpact = {
  probability?: number | null;
  expected?: number | null;
  parts?: ImpactPart[];
  unhappy_per_week?: number;
  avoidable_per_week?: number;
  hours_per_week?: number | null;
  money?: MonthlyMoney | null;
};
export type MoreIssue = {
  /** The title in both languages. */
  heading?: Bilingual;
  computed_quadrant?: Quadrant;
  override?: QuadrantOverride | null;
  movement?: Movement;
  kind?: IssueKind;
  /** What it was part of. */
  split?: { from: string; at: string; reason: string; rules: string[]; ended: string | null } | null;
  /** What was split off from it. */
  parts?: { id: string; title: string; state: string; at: string | null; ended: string | null }[];
  /** What came of an opportunity, as a person reports it. */
  outcome?: { revenue_cents: number; text: string; by: { name: string }; at: string } | null;
};
export type IssueKind = "problem" | "opportunity" | "churn_risk";
export const ISSUE_KINDS: readonly IssueKind[] = ["problem", "opportunity", "churn_risk"];
/** What support costs in a month, in cents, by group. */
export type SupportCost = { people_cents: number; operations_cents: number; indirect_cents: number };
export type MoreOrganisation = {
  cut_lines?: { contacts_per_week: number | null; negative_share: number | null };
  tier_weights?: Record<string, number>;
  support_costs?: Record<string, SupportCost>;
  marginal_share?: number;
};

// ---- calendar and sources -------------------------------------------------------------------

/** Days that are known to be different: they stay out of baselines and are shown on charts. */
export type CalendarNote = {
  key: string;
  name: string;
  kind: "holiday" | "event" | "survey_changed";
  from: string;
  to: string;
  topics: string[];
  channels: string[];
  version: number;
};
/** Silent days of a channel: what arrived there is incomplete and looks like improvement. */
export type SourceGap = { channel: string; from: string; to: string | null };
/** Topics that were unusual on a day: information, no alarm. */
export type UnusualTopics = {
  day: string;
  items: {
    topic: string;
    name: Bilingual;
    what: "contacts" | "satisfaction";
    count: number;
    expected: number;
    chance: number;
  }[];
};
