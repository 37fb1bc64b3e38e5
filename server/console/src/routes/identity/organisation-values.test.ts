import { expect, test } from "vitest";
import type { Organisation } from "../../api/types";
import { organisationOf, valuesOf } from "./organisation-values";

const older: Organisation = {
  name: "远信",
  zone: "Asia/Shanghai",
  locale: "zh-CN",
  unit_cost_cents_per_minute: 150,
  target_dissatisfaction: 0.2,
  arbiter_email: null,
  version: 4,
};

const newer: Organisation = {
  ...older,
  cut_lines: { contacts_per_week: 120, negative_share: null },
  tier_weights: { 金卡: 2 },
  support_costs: {
    "2026-03": { people_cents: 100_000, operations_cents: 5_050, indirect_cents: 0 },
  },
  marginal_share: 0.6,
  notifier: "robot",
  calendar: "factory",
  fast_track_hours: 48,
  task_hours: 75,
};

test("what was loaded is what is saved", () => {
  expect(organisationOf(valuesOf(newer), newer)).toEqual(newer);
});

test("what the page does not show is not lost", () => {
  const ruled = { ...newer, review: { enabled: true, ratings_up_to: 2 } } as unknown as Organisation;
  expect(organisationOf(valuesOf(ruled), ruled)).toEqual(ruled);
});

test("an older server is sent only what it knows", () => {
  expect(organisationOf(valuesOf(older), older)).toEqual(older);
});

test("a chat for all departments is chosen and taken back", () => {
  const none = { ...newer, notifier: null };
  expect(organisationOf({ ...valuesOf(none), notifier: "robot" }, none).notifier).toBe("robot");
  const { notifier: _, ...cleared } = valuesOf(newer);
  expect(organisationOf(cleared, newer).notifier).toBeNull();
});

test("lines left empty are drawn by the server, lines half entered are dropped", () => {
  const values = valuesOf(newer);
  const saved = organisationOf(
    { ...values, cut_contacts: null, costs: [{ people: 3 }], tiers: [{ tier: " ", weight: 2 }] },
    newer,
  );
  expect(saved.cut_lines).toEqual({ contacts_per_week: null, negative_share: null });
  expect(saved.support_costs).toEqual({});
  expect(saved.tier_weights).toEqual({});
});
