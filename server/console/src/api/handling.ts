/** What happens to tasks by themselves: escalation, absences, refusals; what the pages read, and every call. */

import { useMutation, useQuery } from "@tanstack/react-query";
import { http, ifMatch, unwrap } from "./client";
import { useRefresh } from "./hooks";
import type { Bilingual, List, Task } from "./types";

export const WHENS = ["unanswered", "silent", "before_due", "after_due", "unapproved"] as const;
export const ACTIONS = [
  "remind_owner",
  "tell_manager",
  "hand_to_deputy",
  "tell_voc_owner",
  "tell_arbiter",
  "remind_approver",
] as const;
export type When = (typeof WHENS)[number];
export type Action = (typeof ACTIONS)[number];
export type Wait = { hours: number } | { days: number };
export type PolicyStep = { when: When; after: Wait; do: Action; repeat?: number; every?: Wait | null };
export type Policy = {
  key: string;
  name: string;
  departments: string[];
  steps: PolicyStep[];
  version: number;
};

export type StepAhead = {
  step: number;
  when: When;
  do: Action;
  n: number;
  planned_at: string;
  act_at: string;
  to: string | null;
};
export type StepDone = {
  assignment: number;
  step: number;
  when: When;
  do: Action;
  n: number;
  planned_at: string;
  at: string;
  late_by: number;
  missed: number;
  to: string;
  outcome: "done" | "substitute" | "voc_owner_instead" | "nobody";
};
export type Escalation = {
  policy: string | null;
  policy_name: string;
  policy_version: number | null;
  policy_changed: boolean;
  snoozed_until: string | null;
  ahead: StepAhead[];
  done: StepDone[];
};

export type Absence = {
  key: string;
  email: string;
  from: string;
  to: string;
  substitute: string | null;
  reason: string;
  zone: string;
  version: number;
};
export type AbsenceDraft = Omit<Absence, "version" | "zone"> & { version?: number };

export type Proposal = {
  id: string;
  topic: string;
  department: string;
  present: string | null;
  state: "open" | "accepted" | "dismissed";
  tasks: string[];
  refused_by: string;
  reason: string;
  /** What accepting it changes, or changed. */
  changes: Array<{
    kind: "rule_added" | "rule_changed" | "topic_owner";
    line: number | null;
    rule: string | null;
    before: string | null;
    sentence: Bilingual;
  }>;
};

export type RefusalReport = {
  from: string;
  to: string;
  departments: Array<{
    department: string;
    department_name: string;
    offered: number;
    declined: number;
    handed_over: number;
    ping_pong: number;
    share: number | null;
    most_hops: number;
    reasons: Array<{ reason: string; n: number }>;
  }>;
};

export function useEscalation(id: string, version: number) {
  return useQuery({
    queryKey: ["tasks", "escalation", id, version],
    queryFn: () =>
      unwrap<Escalation>(http.GET("/api/v1/tasks/{id}/escalation", { params: { path: { id } } })),
  });
}

export function usePolicies() {
  return useQuery({
    queryKey: ["escalation-policies"],
    queryFn: async () =>
      (await unwrap<Pick<List<Policy>, "items">>(http.GET("/api/v1/escalation-policies"))).items,
  });
}

export type PolicyDraft = Omit<Policy, "version"> & { version?: number };

export function useSavePolicy() {
  const onSuccess = useRefresh("escalation-policies", "tasks");
  return useMutation({
    onSuccess,
    mutationFn: ({ version, ...body }: PolicyDraft) =>
      unwrap<Policy>(
        http.PUT("/api/v1/escalation-policies/{key}", {
          params: { path: { key: body.key } },
          body,
          headers: ifMatch(version),
        }),
      ),
  });
}

export function useAbsences() {
  return useQuery({
    queryKey: ["absences"],
    queryFn: async () => (await unwrap<Pick<List<Absence>, "items">>(http.GET("/api/v1/absences"))).items,
  });
}

export function useSaveAbsence() {
  const onSuccess = useRefresh("absences", "tasks");
  return useMutation({
    onSuccess,
    mutationFn: ({ version, ...body }: AbsenceDraft) =>
      unwrap<Absence>(
        http.PUT("/api/v1/absences/{key}", {
          params: { path: { key: body.key } },
          body,
          headers: ifMatch(version),
        }),
      ),
  });
}

export function useRemoveAbsence() {
  const onSuccess = useRefresh("absences");
  return useMutation({
    onSuccess,
    mutationFn: (key: string) =>
      unwrap<void>(http.DELETE("/api/v1/absences/{key}", { params: { path: { key } } })),
  });
}

export function useRefusals(from: string, to: string) {
  return useQuery({
    queryKey: ["refusals", from, to],
    queryFn: () =>
      unwrap<RefusalReport>(http.GET("/api/v1/reports/refusals", { params: { query: { from, to } } })),
  });
}

export function useProposals() {
  return useQuery({
    queryKey: ["owner-rule-proposals"],
    queryFn: async () =>
      (
        await unwrap<Pick<List<Proposal>, "items">>(
          http.GET("/api/v1/owner-rule-proposals", { params: { query: { state: "open" } } }),
        )
      ).items,
  });
}

export function useDecideProposal() {
  const onSuccess = useRefresh("owner-rule-proposals", "topics", "owner-rules", "route");
  return useMutation({
    onSuccess,
    mutationFn: ({ id, accept }: { id: string; accept: boolean }) => {
      const params = { path: { id } };
      return unwrap<Proposal>(
        accept
          ? http.POST("/api/v1/owner-rule-proposals/{id}/accept", { params })
          : http.POST("/api/v1/owner-rule-proposals/{id}/dismiss", { params }),
      );
    },
  });
}

export function useReroute(id: string, version: number) {
  const onSuccess = useRefresh("tasks", "issues", "overview", "mailbox", "owner-rule-proposals");
  return useMutation({
    onSuccess,
    mutationFn: () =>
      unwrap<Task>(
        http.POST("/api/v1/tasks/{id}/reroute", {
          params: { path: { id } },
          body: {},
          headers: ifMatch(version),
        }),
      ),
  });
}
