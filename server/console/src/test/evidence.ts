import type { Backtest, Candidate, Savings } from "../api/evidence";
import type { Contract, Issue, Task, Verification } from "../api/types";
import { verification } from "./fixtures";

export const savings: Savings = {
  days: 28,
  contacts_avoided: { value: 280, low: 111, high: 480 },
  cost_per_contact_cents: 1200,
  secured_cents: 132_923,
  estimated_cents: 336_000,
  freed_hours: null,
  compensation_avoided_cents: null,
  per_year_cents: 4_380_000,
  no_money: null,
  sentence: { zh: "少了约 280 次联系", en: "about 280 fewer contacts" },
};

export function candidate(change: Partial<Candidate> = {}): Candidate {
  return {
    metric: "csat",
    watched_topic: null,
    expected_change: 0.1,
    smallest_change: 0.05,
    level: 0.78,
    answers_needed: 310,
    answers_per_day: 34,
    days: 9,
    power: [
      { days: 28, power: 0.93 },
      { days: 56, power: 0.97 },
    ],
    horizon_days: 28,
    smallest_visible: 0.03,
    decidable: "yes",
    reason: { zh: "看得出来", en: "can be seen" },
    ...change,
  };
}

export function contract(change: Partial<Contract> = {}): Contract {
  return {
    metric: "csat",
    expected_change: 0.1,
    smallest_change: 0.05,
    baseline_days: 56,
    horizon_days: 28,
    min_answers: 30,
    min_days: 7,
    topic: "billing",
    channels: [],
    alarm_day: "2026-03-01",
    change_day: null,
    guard_days: 14,
    planned: { answers_needed: 310, answers_per_day: 34, days: 9 },
    sentence: { zh: "约需 310 条评分，大约 9 天", en: "about 310 ratings, 9 days" },
    candidates: [candidate()],
    refused: null,
    notes: [],
    ...change,
  };
}

/** A verdict with everything that newer servers add. */
export function evidence(change: Partial<Verification> = {}): Verification {
  const night = (last_day: string, half: number) => ({
    last_day,
    fraction: 0.5,
    boundary: 2.2,
    effect: 0.13,
    low: 0.13 - half,
    high: 0.13 + half,
  });
  return {
    ...verification("improved"),
    control: {
      kind: "other_topics",
      topics: 9,
      before: 0.79,
      after: 0.8,
      effect: 0.01,
      n_before: 9000,
      n_after: 4400,
    },
    method: { ...verification("improved").method, control_factor: 1.04 },
    decided_on: "2026-03-20",
    looks: [night("2026-03-17", 0.12), night("2026-03-18", 0.1), night("2026-03-20", 0.08)],
    guard_metrics: [
      {
        metric: "aht",
        limit: 0.05,
        before: 412,
        after: 450,
        effect: { value: 0.09, low: 0.06, high: 0.12 },
        worse: true,
      },
    ],
    displacement: [
      {
        topic: { zh: "退款金额", en: "Refund amount" },
        before: 12,
        after: 19,
        effect: { value: 0.6, low: 0.3, high: 0.9 },
        p_value: 0.001,
      },
    ],
    trend: { slope_per_week: 0.002, z: 2.1, significant: true, weeks: 16 },
    tipping_point: null,
    heterogeneity: null,
    savings,
    set: [],
    ...change,
  };
}

export function task(change: Partial<Task> = {}): Task {
  return {
    id: "01900000-0000-7000-8000-000000000010",
    issue_id: "01900000-0000-7000-8000-000000000020",
    issue_title: "账单",
    issue_heading: { zh: "账单", en: "Bill" },
    topic: "billing",
    state: "verified",
    title: "改账单",
    description: "",
    department: "finance",
    department_name: "财务",
    owner: { email: "o@example.com", name: "O", language: "zh-CN" },
    assigned_by: "Min",
    due_at: "2026-03-09T10:00:00Z",
    overdue: false,
    fast_track: false,
    measures: [],
    progress: [],
    percent: 100,
    solution: "done",
    effective_at: "2026-03-10T02:00:00Z",
    decline_reason: null,
    proposed_department: null,
    contract: contract(),
    verification: evidence(),
    attachments: [],
    timeline: [],
    mail: null,
    handling: { on_behalf_of: null, snoozed_until: null, hops: [], with_arbiter: false },
    version: 3,
    ...change,
  };
}

export const backtest: Backtest = {
  signals: [
    {
      topic: "billing",
      subject: { kind: "topic", key: "billing" },
      day: "2026-03-02",
      count: 60,
      limit: 50,
      customers: 58,
      baseline: 34,
      explanation: { zh: "60 次，超过 50", en: "60, above 50" },
    },
    {
      topic: "network",
      subject: { kind: "topic", key: "network" },
      day: "2026-03-03",
      count: 55,
      limit: 50,
    },
  ],
  issues: 2,
  mails: 1,
  series: { kind: "topic", key: "billing" },
  days: [
    { day: "2026-03-01", count: 30, limit: 50, baseline: 34, signal: false },
    { day: "2026-03-02", count: 60, limit: 50, baseline: 34, signal: true },
    { day: "2026-03-03", count: 31, limit: 50, baseline: 34, signal: false },
  ],
  notes: [],
};

export const issue: Issue = {
  id: "01900000-0000-7000-8000-000000000020",
  state: "open",
  title: "账单",
  topic: "billing",
  topic_name: { zh: "账单", en: "Billing" },
  cause: null,
  scope: {},
  detector: "d",
  quadrant: "quick_win",
  computed_quadrant: "quick_win",
  borderline: false,
  frequency: { contacts: 400, per_1000: 90, contacts_per_week: 100, line: 60 },
  impact: {
    value: 0.2,
    low: 0.17,
    high: 0.24,
    line: 0.22,
    basis: "ratings",
    negative_share: null,
    risk_share: 0.01,
    handling_minutes: 900,
    compensation_cents: 0,
    explanation: { zh: "", en: "" },
    parts: [
      {
        part: "dissatisfaction",
        value: 0.2,
        usual: 0.22,
        weight: 1,
        contribution: 0.2,
        explanation: { zh: "不满意 20%", en: "" },
      },
    ],
  },
  evidence: [],
  signals: [],
  contacts_since_open: 30,
  similar_solutions: [],
  tasks: [],
  timeline: [],
  opened_at: "2026-03-01T02:00:00Z",
  version: 1,
  override: null,
  movement: {
    previous: "watch",
    since: "2026-03-01T00:00:00Z",
    trail: [
      {
        at: "2026-03-01T00:00:00Z",
        day: "2026-03-01",
        from: "watch",
        to: "quick_win",
        why: { zh: "联系更多了", en: "" },
      },
    ],
  },
};
