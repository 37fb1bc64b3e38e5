/**
 * What the pages read from the API. The generated `schema.ts` types enumerations as strings and defaulted fields as
 * optional; here they are what the server really answers. `types.check.ts` makes sure that every field named here
 * exists in the server's document.
 */

import type {
  Backtest as BacktestOf,
  Control,
  DetectorActivity,
  DetectorKind,
  DetectorParams,
  IssueKind,
  Look,
  Metric,
  MoreContract,
  MoreFrequency,
  MoreImpact,
  MoreIssue,
  MoreMethod,
  MoreOrganisation,
  MorePoint,
  MoreQuadrants,
  MoreVerification,
  Mute,
  PastVerdict,
} from "./evidence";

import type { Hypothesis, IssueHold } from "./life";
import type { ApprovalRules, Work } from "./work";

export type Role = "admin" | "voc_owner" | "department_owner" | "analyst" | "integrator" | "viewer";
export type Locale = "zh-CN" | "en";
export type FieldError = { field: string; code: string; detail: string };
export type Problem = {
  type: string;
  title: string;
  status: number;
  detail: string;
  code: string;
  request_id: string;
  errors: FieldError[];
};
export type Session = {
  user: {
    id: string;
    email: string;
    name: string;
    role: Role;
    department: string | null;
    language: string;
  };
  csrf_token: string;
  organisation: { name: string; zone: string; locale: Locale };
  mail: { leaves_machine: boolean; transport: "smtp" | "mailbox" };
  version: string;
};
export type Organisation = MoreOrganisation & {
  name: string;
  zone: string;
  locale: Locale;
  unit_cost_cents_per_minute: number | null;
  target_dissatisfaction: number | null;
  arbiter_email: string | null;
  refusal_hops?: number;
  /** Kinds of improvement that somebody approves. */
  approvals?: ApprovalRules;
  notifier?: string | null;
  /** Business calendar of departments that name none. */
  calendar?: string | null;
  fast_track_hours?: number;
  task_hours?: number;
  version: number;
};
export type Quadrant = "fix_now" | "plan" | "quick_win" | "watch";
export type QuadrantPoint = MorePoint & {
  topic: string;
  name: Bilingual;
  contacts: number;
  rated: number;
  frequency_per_1000: number;
  contacts_per_week: number;
  impact: number;
  impact_low: number;
  impact_high: number;
  basis: "ratings" | "sentiment";
  negative_share: number | null;
  risk_share: number;
  handling_minutes: number;
  compensation_cents: number;
  quadrant: Quadrant;
  borderline: boolean;
  explanation: Bilingual;
  issue_id: string | null;
};
export type Quadrants = MoreQuadrants & {
  days: number;
  contacts: number;
  basis: "ratings" | "sentiment";
  frequency_line: number;
  impact_line: number;
  line_rule: string;
  points: QuadrantPoint[];
};
export type Overview = {
  day: string;
  from: string;
  to: string;
  contacts_today: number;
  contacts: number;
  rated: number;
  csat: number | null;
  open_issues: number;
  open_tasks: number;
  overdue_tasks: number;
  undated: number;
  /** Null without voices. */
  unexplained_share: number | null;
  quadrant: Quadrants;
  loop: {
    collected: number;
    labelled: number;
    issues: number;
    tasks: number;
    verified: number;
    articles: number;
  };
};
export type FactRow = {
  day?: string;
  topic?: string;
  channel?: string;
  /** Null where nothing was measured: never 0. */
  value: number | null;
  n: number;
};
export type Facts = { metric: string; items: FactRow[] };
export type Channel = { key: string; name: string; version: number };
export type ImportColumn = { index: number; header: string; field: string | null; samples: string[] };
export type ImportPreview = {
  file_name: string;
  format: string;
  encoding: string;
  title_rows: number;
  columns: ImportColumn[];
  rows_seen: number;
  rows_preview: Record<string, unknown>[];
  warnings: { code: string; detail: string }[];
};
export type Import = {
  id: string;
  channel: string;
  file_name: string;
  state: "running" | "done" | "failed";
  rows: number;
  accepted: number;
  updated: number;
  duplicates: number;
  rejected: number;
  undated: number;
  error: string | null;
  created_at: string;
  finished_at: string | null;
};
export type Topic = {
  key: string;
  parent: string | null;
  name: string;
  name_en: string;
  words: string[];
  synonyms: Record<string, string>;
  causes: { key: string; words: string[] }[];
  owner_department: string | null;
  demand_type: "failure" | "value" | null;
  /** What its issues are; a problem when nobody says. */
  issue_kind?: IssueKind | null;
  state: "active" | "proposed";
  version: number;
};
export type TopicSet = { key: string; name: string; name_en: string; topics: Topic[] };
export type CoverageWord = { word: string; count: number; score: number; examples: string[] };
export type Coverage = {
  days: number;
  total: number;
  unexplained: number;
  /** Null without voices. */
  share: number | null;
  words: CoverageWord[];
  proposed: Topic[];
};
export type Owner = { email: string; name: string; language: Locale; time_zone?: string };
export type Department = {
  key: string;
  name: string;
  owners: Owner[];
  manager_email: string | null;
  deputy_email: string | null;
  /** Installation of a notifier: a chat beside the mails. */
  notifier?: string | null;
  /** Business calendar by which its tasks are due. */
  calendar?: string | null;
  version: number;
};
export type Detector = {
  key: string;
  kind: DetectorKind;
  scope: { topic?: string | null; channel?: string | null; region?: string | null };
  params: DetectorParams;
  enabled: boolean;
  owner: string | null;
  mute?: Mute | null;
  /** What its issues are; what their topic says when missing. */
  raises?: IssueKind | null;
  activity?: DetectorActivity;
  version: number;
};
export type Bilingual = { zh: string; en: string };
export type LoopEvent = {
  at: string;
  actor: { kind: "user" | "owner" | "system" | "plugin"; name: string; email?: string; via?: string };
  kind: string;
  data: Record<string, unknown>;
};
export type EvidenceCard = {
  verdict: Verdict;
  metric: Metric;
  before: { n: number; value: number | null };
  after: { n: number; value: number | null };
  effect: { value: number; low: number; high: number };
  sentence: Bilingual;
  computed_at: string;
};
export type SimilarSolution = {
  article_id: string;
  title: string;
  score: number;
  excerpt: string;
  evidence: EvidenceCard;
};
export type Quote = {
  feedback_id: string;
  text: string;
  channel: string;
  /** The day. */
  occurred_at: string | null;
  rating: number | null;
};
export type Signal = {
  id: string;
  detector: string;
  kind: string;
  window: string;
  count: number;
  limit: number;
  fired_at: string;
  /** When late data took its reason away; null: it stands. */
  withdrawn_at?: string | null;
  explanation: Bilingual;
};
export type IssueState =
  | "open"
  | "in_progress"
  | "verifying"
  | "resolved"
  | "relapsed"
  | "dismissed"
  | "snoozed";
export type Issue = MoreIssue & {
  id: string;
  state: IssueState;
  title: string;
  topic: string;
  topic_name: Bilingual;
  cause: string | null;
  scope: Record<string, string>;
  detector: string;
  quadrant: Quadrant;
  borderline: boolean;
  frequency: MoreFrequency & {
    contacts: number;
    per_1000: number;
    contacts_per_week: number;
    line: number;
  };
  impact: MoreImpact & {
    value: number;
    low: number;
    high: number;
    line: number;
    basis: "ratings" | "sentiment" | "demand";
    negative_share: number | null;
    risk_share: number;
    handling_minutes: number;
    compensation_cents: number;
    explanation: Bilingual;
  };
  evidence: Quote[];
  signals: Signal[];
  contacts_since_open: number;
  similar_solutions: SimilarSolution[];
  tasks: {
    id: string;
    title: string;
    state: TaskState;
    department: string;
    owner: string;
    due_at: string;
  }[];
  timeline: LoopEvent[];
  held?: IssueHold | null;
  merged_into?: string | null;
  merged?: { id: string; title: string; at: string | null }[];
  hypotheses?: Hypothesis[];
  opened_at: string;
  version: number;
};
export type TaskState =
  | "assigned"
  | "accepted"
  | "declined"
  | "in_progress"
  | "awaiting_approval"
  | "done"
  | "verifying"
  | "verified"
  | "not_verified"
  | "cancelled";
export type Contract = MoreContract & {
  metric: Metric;
  expected_change: number;
  smallest_change: number;
  baseline_days: number;
  horizon_days: number;
  min_answers: number;
  min_days: number;
  topic: string;
  channels: string[];
  alarm_day: string | null;
  change_day: string | null;
  guard_days: number;
  planned: { answers_needed: number | null; answers_per_day: number; days: number | null };
  sentence: Bilingual;
};
export type Verdict = "improved" | "recovered" | "no_effect" | "worse" | "pending" | "inconclusive";
export type Side = {
  n: number;
  value: number | null;
  low: number | null;
  high: number | null;
  adjusted: number | null;
  /** The interval of `adjusted`: `low` and `high` are that of `value`. */
  adjusted_low?: number | null;
  adjusted_high?: number | null;
  from: string | null;
  to: string | null;
};
export type Effect = { value: number; low: number; high: number };
export type Missing = { code: string; need: number; have: number; sentence: Bilingual };
export type Guard = { code: string; before: number; after: number; sentence: Bilingual };
export type NaiveSide = { n: number; value: number | null };
export type Naive = {
  before: NaiveSide;
  after: NaiveSide;
  difference: number | null;
  p_value: number | null;
  claims_success: boolean;
  method: string;
};
export type Method = MoreMethod & {
  statistic: string;
  strata: string;
  dropped_share: number;
  noise_factor: number;
  noise_blocks: number;
  z: number | null;
  boundary: number | null;
  alpha: number;
  alarm_days_z: number | null;
  against_quiet: Effect | null;
  chance_if_nothing: number;
  version: number;
};
export type Verification = MoreVerification & {
  verdict: Verdict;
  state: "final" | "provisional";
  metric: Metric;
  effective_day: string;
  edited_afterwards: boolean;
  before: Side;
  after: Side;
  effect: Effect | null;
  control: Control;
  guards: Guard[];
  missing: Missing[];
  sentence: Bilingual;
  method: Method;
  naive: Naive;
  baseline_rule: "pooled" | "acute" | "quiet" | "before_fix";
  looks: Look[];
  history: PastVerdict[];
  together_with: string[];
  computed_at: string;
};
export type Task = Work & {
  id: string;
  issue_id: string;
  issue_title: string;
  issue_heading: Bilingual;
  topic: string;
  state: TaskState;
  title: string;
  description: string;
  department: string;
  department_name: string;
  owner: { email: string; name: string; language: string; unreachable?: boolean };
  assigned_by: string;
  due_at: string;
  /** By which rule; servers before business calendars leave it out. */
  due?: {
    rule: "calendar" | "person";
    hours: number | null;
    calendar: string | null;
    calendar_name: Bilingual | null;
    waits_since: string | null;
    waits_for?: "question" | "approval" | null;
    standing_since: string | null;
  };
  overdue: boolean;
  fast_track: boolean;
  measures: string[];
  progress: { at: string; percent: number; comment: string; by: string; figures?: string }[];
  percent: number;
  solution: string | null;
  effective_at: string | null;
  decline_reason: string | null;
  proposed_department: string | null;
  contract: Contract;
  verification: Verification | null;
  attachments: { id: string; name: string; size: number; sha256?: string; added_by?: string }[];
  timeline: LoopEvent[];
  /** Null for callers who may not reassign the task: the link counts as the owner's signature. */
  mail: {
    delivery_id: string;
    state: OutboxItem["state"];
    left_machine: boolean;
    subject: string;
    text: string;
    link: string | null;
  } | null;
  version: number;
  handling: {
    on_behalf_of: string | null;
    snoozed_until: string | null;
    hops: Array<{
      at: string;
      kind: "declined" | "handed_over";
      from: string;
      to: string | null;
      by: string;
      reason: string;
      ping_pong: boolean;
    }>;
    with_arbiter: boolean;
  };
};
export type Article = {
  id: string;
  title: string;
  body: string;
  topic: string;
  task_id: string;
  issue_id: string;
  evidence: EvidenceCard;
  publications: { target: string; state: string; at: string; reference: string | null }[];
  created_at: string;
};
export type MailboxItem = {
  id: string;
  to: string;
  subject: string;
  text: string;
  html: string;
  message_id: string;
  headers: Record<string, string>;
  created_at: string;
  sent_outside: false;
};
export type OutboxItem = {
  id: string;
  kind: string;
  target: string;
  subject: string;
  state: "queued" | "sending" | "sent" | "retry" | "held" | "merged" | "dead" | "withdrawn";
  attempts: number;
  last_error: string | null;
  hold?: string | null;
  held_until?: string | null;
  merged_into?: string | null;
  task_id: string | null;
  issue_id: string | null;
  created_at: string;
  sent_at: string | null;
  left_machine: boolean;
  bounced?: string | null;
  bounce_reason?: string | null;
};
/** What an administrator allows a plugin, by name. */
export type Grant = {
  hosts: Array<{ origin: string; methods: string[]; networks: string[] }>;
  secrets: string[];
  files: boolean;
  imap: boolean;
  limits: Partial<Record<"memory_mb" | "cpu_ms" | "wall_ms" | "http_calls" | "http_parallel", number | null>>;
};

export type Plugin = {
  id: string;
  name: string;
  version: string;
  role: string;
  digest: string;
  state: "active" | "installed" | "quarantined";
  manifest: Record<string, unknown>;
  asked: Record<string, unknown>;
  grant: Grant;
  needs_grant: boolean;
  granted_at: string | null;
  active_since: string | null;
  revision: number;
  size: number;
  signer: string | null;
  created_at: string;
};
export type User = {
  id: string;
  email: string;
  name: string;
  role: Role;
  department: string | null;
  language: string;
  disabled: boolean;
  version: number;
};
export type Token = {
  id: string;
  name: string;
  role: Role;
  created_at: string;
  expires_at: string | null;
  last_used_at: string | null;
  /** Only in the answer to its making. */
  token?: string;
};

export type Backtest = BacktestOf;

/** One page of a list. */
export type List<T> = { items: T[]; next_cursor: string | null };
