import { useMutation, useQuery } from "@tanstack/react-query";
import { http, ifMatch, once, unwrap } from "./client";
import { useRefresh } from "./hooks";
import type { Bilingual, Issue } from "./types";

// ---- putting issues aside -------------------------------------------------------------------

export type HoldReason = "not_a_problem" | "accepted_risk" | "duplicate" | "known_event" | "other";
export const HOLD_REASONS: readonly HoldReason[] = [
  "not_a_problem",
  "accepted_risk",
  "duplicate",
  "known_event",
  "other",
];

/** How a person put an issue aside. */
export type IssueHold = {
  since: string;
  until: string;
  factor: number;
  sizes: Record<string, number>;
  reason: HoldReason | null;
  text: string;
  by: { kind: string; name: string };
  from: string;
};

export type Dismissal = { reason: HoldReason; text: string; until?: string; factor?: number };
export type Snooze = { text: string; until?: string; factor?: number };
type Of = { id: string; version: number };

const REFRESHED = ["issues", "overview"] as const;

export function useDismiss() {
  const onSuccess = useRefresh(...REFRESHED);
  return useMutation({
    onSuccess,
    mutationFn: ({ id, version, ...body }: Of & Dismissal) =>
      once("dismiss", [id, version, body], (headers) =>
        unwrap<Issue>(
          http.POST("/api/v1/issues/{id}/dismiss", {
            params: { path: { id } },
            body,
            headers: { ...headers, ...ifMatch(version) },
          }),
        ),
      ),
  });
}

export function useSnooze() {
  const onSuccess = useRefresh(...REFRESHED);
  return useMutation({
    onSuccess,
    mutationFn: ({ id, version, ...body }: Of & Snooze) =>
      once("snooze", [id, version, body], (headers) =>
        unwrap<Issue>(
          http.POST("/api/v1/issues/{id}/snooze", {
            params: { path: { id } },
            body,
            headers: { ...headers, ...ifMatch(version) },
          }),
        ),
      ),
  });
}

export function useReopen() {
  const onSuccess = useRefresh(...REFRESHED);
  return useMutation({
    onSuccess,
    mutationFn: ({ id, version, reason }: Of & { reason: string }) =>
      once("reopen", [id, version, reason], (headers) =>
        unwrap<Issue>(
          http.POST("/api/v1/issues/{id}/reopen", {
            params: { path: { id } },
            body: { reason },
            headers: { ...headers, ...ifMatch(version) },
          }),
        ),
      ),
  });
}

// ---- owner rules ----------------------------------------------------------------------------

export type OwnerRules = {
  text: string;
  changed_at: string | null;
  changed_by: string | null;
  version: number;
};
export type Route = {
  department: string | null;
  department_name: string | null;
  owner: string | null;
  by: "rule" | "topic" | "arbiter" | "loop";
  line: number | null;
  rule: string | null;
  sentence: Bilingual;
};
export type RouteAnswer = {
  route: Route | null;
  moves: { issue_id: string; title: string; now: Route; then: Route }[];
  looked_at: number;
};
export type RouteQuestion = {
  text?: string;
  issue_id?: string;
  topic?: string;
  channel?: string;
  region?: string;
  cause?: string;
};

export function useOwnerRules() {
  return useQuery({
    queryKey: ["owner-rules"],
    queryFn: () => unwrap<OwnerRules>(http.GET("/api/v1/owner-rules")),
  });
}

export function useSaveOwnerRules() {
  const onSuccess = useRefresh("owner-rules", "route");
  return useMutation({
    onSuccess,
    mutationFn: ({ text, version }: { text: string; version: number }) =>
      unwrap<OwnerRules>(http.PUT("/api/v1/owner-rules", { body: { text }, headers: ifMatch(version) })),
  });
}

/** Asking writes nothing, so it needs no key. */
export function useAskRoute() {
  return useMutation({
    mutationFn: (body: RouteQuestion) => unwrap<RouteAnswer>(http.POST("/api/v1/owner-rules/test", { body })),
  });
}

/** Who would get this issue, by the rules as they are. */
export function useRoute(issueId: string, enabled: boolean) {
  return useQuery({
    queryKey: ["route", issueId],
    enabled,
    queryFn: async () =>
      (await unwrap<RouteAnswer>(http.POST("/api/v1/owner-rules/test", { body: { issue_id: issueId } })))
        .route,
  });
}
