import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { render } from "@testing-library/react";
import { App, ConfigProvider } from "antd";
import type { ReactNode } from "react";
import type { Quadrants, Session, Verdict, Verification } from "../api/types";
import { SessionContext } from "../lib/session";

export const session: Session = {
  user: {
    id: "01900000-0000-7000-8000-000000000001",
    email: "min@example.com",
    name: "Min",
    role: "voc_owner",
    department: null,
    language: "zh-CN",
  },
  csrf_token: "csrf",
  organisation: { name: "Example", zone: "Asia/Shanghai", locale: "zh-CN" },
  mail: { leaves_machine: false, transport: "mailbox" },
  version: "0.0.0",
};

/** Renders inside everything a page expects but the router. */
export function show(page: ReactNode) {
  const client = new QueryClient({ defaultOptions: { queries: { retry: false } } });
  return render(
    <ConfigProvider button={{ autoInsertSpace: false }}>
      <App>
        <QueryClientProvider client={client}>
          <SessionContext.Provider value={session}>{page}</SessionContext.Provider>
        </QueryClientProvider>
      </App>
    </ConfigProvider>,
  );
}

export function verification(verdict: Verdict, change: Partial<Verification> = {}): Verification {
  return {
    verdict,
    state: "final",
    metric: "csat",
    effective_day: "2026-03-10",
    edited_afterwards: false,
    before: {
      n: 500,
      value: 0.78,
      low: 0.742,
      high: 0.814,
      adjusted: 0.7812,
      from: "2026-01-10",
      to: "2026-03-09",
    },
    after: {
      n: 480,
      value: 0.92,
      low: 0.892,
      high: 0.941,
      adjusted: 0.9188,
      from: "2026-03-11",
      to: "2026-04-07",
    },
    effect: { value: 0.1376, low: 0.081, high: 0.194 },
    control: { kind: "none" },
    guards: [],
    missing: [],
    sentence: { zh: `${verdict} zh`, en: `${verdict} en` },
    method: {
      statistic: "cmh_risk_difference",
      strata: "channel_day_type",
      dropped_share: 0,
      noise_factor: 1.2,
      noise_blocks: 3,
      z: 4.2,
      boundary: 2.1,
      alpha: 0.05,
      alarm_days_z: null,
      against_quiet: null,
      chance_if_nothing: 0.03,
      version: 1,
    },
    naive: {
      before: { n: 140, value: 0.76 },
      after: { n: 480, value: 0.92 },
      difference: 0.16,
      p_value: 0.00001,
      claims_success: true,
      method: "pooled_z_14_days_before",
    },
    baseline_rule: "pooled",
    looks: [{ last_day: "2026-04-07", fraction: 1, boundary: 2.1 }],
    history: [{ computed_at: "2026-04-08T01:00:00Z", verdict }],
    together_with: [],
    computed_at: "2026-04-08T01:00:00Z",
    ...change,
  };
}

type Point = Quadrants["points"][number];

export function point(topic: string, change: Partial<Point> = {}): Point {
  return {
    topic,
    name: { zh: topic, en: topic },
    contacts: 400,
    rated: 120,
    frequency_per_1000: 90,
    contacts_per_week: 100,
    impact: 0.3,
    impact_low: 0.25,
    impact_high: 0.36,
    basis: "ratings",
    negative_share: null,
    risk_share: 0.02,
    handling_minutes: 900,
    compensation_cents: 0,
    quadrant: "fix_now",
    borderline: false,
    explanation: { zh: "", en: "" },
    issue_id: null,
    ...change,
  };
}

export function quadrants(points: Point[], change: Partial<Quadrants> = {}): Quadrants {
  return {
    days: 28,
    contacts: 4000,
    basis: "ratings",
    frequency_line: 60,
    impact_line: 0.22,
    line_rule: "median/overall",
    points,
    ...change,
  };
}
