import type { SupportCost } from "../../api/evidence";
import type { Organisation } from "../../api/types";
import type { ApprovalRules, Kind } from "../../api/work";

/** The groups that support costs are entered in. */
export const GROUPS = ["people", "operations", "indirect"] as const;

/** As people write it: money in units, shares in percent, maps as lists. */
export type Values = {
  name: string;
  zone: string;
  locale: Organisation["locale"];
  unit_cost?: number | null;
  target?: number | null;
  arbiter_email?: string;
  notifier?: string;
  refusal_hops?: number | null;
  calendar?: string | undefined;
  fast_track_hours?: number | null;
  task_hours?: number | null;
  cut_contacts?: number | null;
  cut_negative?: number | null;
  marginal_share?: number | null;
  costs?: Array<{
    month?: string;
    people?: number | null;
    operations?: number | null;
    indirect?: number | null;
  }>;
  approvals?: Array<{ kind?: Kind; approver_email?: string }>;
  tiers?: Array<{ tier?: string; weight?: number | null }>;
};

const percentOf = (share: number | null | undefined) =>
  typeof share === "number" ? Math.round(share * 1000) / 10 : null;
const shareOf = (percent: number | null | undefined) =>
  typeof percent === "number" ? Math.round(percent * 10) / 1000 : null;
const cents = (units: number | null | undefined) => (typeof units === "number" ? Math.round(units * 100) : 0);

export function valuesOf(organisation: Organisation): Values {
  const cost = organisation.unit_cost_cents_per_minute;
  return {
    name: organisation.name,
    zone: organisation.zone,
    locale: organisation.locale,
    unit_cost: typeof cost === "number" ? cost / 100 : null,
    target: percentOf(organisation.target_dissatisfaction),
    arbiter_email: organisation.arbiter_email ?? "",
    ...(organisation.notifier && { notifier: organisation.notifier }),
    refusal_hops: organisation.refusal_hops ?? 3,
    calendar: organisation.calendar ?? undefined,
    fast_track_hours: organisation.fast_track_hours ?? null,
    task_hours: organisation.task_hours ?? null,
    cut_contacts: organisation.cut_lines?.contacts_per_week ?? null,
    cut_negative: percentOf(organisation.cut_lines?.negative_share),
    marginal_share: percentOf(organisation.marginal_share),
    approvals: Object.entries(organisation.approvals ?? {}).map(([kind, rule]) => ({
      kind: kind as Kind,
      approver_email: rule?.approver_email ?? "",
    })),
    costs: Object.entries(organisation.support_costs ?? {})
      .sort(([a], [b]) => b.localeCompare(a))
      .map(([month, cost]) => ({
        month,
        people: cost.people_cents / 100,
        operations: cost.operations_cents / 100,
        indirect: cost.indirect_cents / 100,
      })),
    tiers: Object.entries(organisation.tier_weights ?? {}).map(([tier, weight]) => ({ tier, weight })),
  };
}

/** What is sent: fields that the server does not know are left out, all others are sent whole. */
export function organisationOf(values: Values, loaded: Organisation): Organisation {
  const support_costs: Record<string, SupportCost> = {};
  for (const entry of values.costs ?? []) {
    if (!entry?.month) continue;
    support_costs[entry.month] = {
      people_cents: cents(entry.people),
      operations_cents: cents(entry.operations),
      indirect_cents: cents(entry.indirect),
    };
  }
  const tier_weights: Record<string, number> = {};
  for (const entry of values.tiers ?? []) {
    const tier = entry?.tier?.trim();
    if (tier && typeof entry.weight === "number") tier_weights[tier] = entry.weight;
  }
  const approvals: ApprovalRules = {};
  for (const entry of values.approvals ?? []) {
    if (entry?.kind) approvals[entry.kind] = { approver_email: entry.approver_email?.trim() || null };
  }
  return {
    // What this page does not show stays as it is.
    ...loaded,
    name: values.name.trim(),
    zone: values.zone,
    locale: values.locale,
    unit_cost_cents_per_minute: typeof values.unit_cost === "number" ? cents(values.unit_cost) : null,
    target_dissatisfaction: shareOf(values.target),
    arbiter_email: values.arbiter_email?.trim() || null,
    ...((loaded.notifier !== undefined || values.notifier) && { notifier: values.notifier ?? null }),
    ...(loaded.refusal_hops !== undefined && { refusal_hops: values.refusal_hops ?? loaded.refusal_hops }),
    ...(loaded.approvals !== undefined && { approvals }),
    ...(loaded.calendar !== undefined && { calendar: values.calendar ?? null }),
    ...(typeof loaded.fast_track_hours === "number" && {
      fast_track_hours: values.fast_track_hours ?? loaded.fast_track_hours,
    }),
    ...(typeof loaded.task_hours === "number" && { task_hours: values.task_hours ?? loaded.task_hours }),
    ...(loaded.cut_lines && {
      cut_lines: {
        contacts_per_week: values.cut_contacts ?? null,
        negative_share: shareOf(values.cut_negative),
      },
    }),
    ...(loaded.support_costs && { support_costs }),
    ...(loaded.tier_weights && { tier_weights }),
    ...(typeof loaded.marginal_share === "number" && {
      marginal_share: shareOf(values.marginal_share) ?? loaded.marginal_share,
    }),
    version: loaded.version,
  };
}
