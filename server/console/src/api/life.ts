import { useMutation, useQuery } from "@tanstack/react-query";
import { http, ifMatch, once, unwrap } from "./client";
import type { IssueKind } from "./evidence";
import { usePages, useRefresh } from "./hooks";
import type { Bilingual, Issue, List, LoopEvent } from "./types";

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

// ---- merging and causes ---------------------------------------------------------------------

export type Merge = {
  preview: boolean;
  issue_id: string;
  into: string;
  into_title: string;
  signals: number;
  tasks: number;
  tasks_under_way: number;
  following: number;
  merged_before: number;
  version: number;
};

/** What a merge would do; nothing is written. */
export function usePreviewMerge() {
  return useMutation({
    mutationFn: ({ id, into }: { id: string; into: string }) =>
      unwrap<Merge>(
        http.POST("/api/v1/issues/{id}/merge", {
          params: { path: { id } },
          body: { into, preview: true },
        }),
      ),
  });
}

export function useMerge() {
  const onSuccess = useRefresh("issues", "overview", "tasks");
  return useMutation({
    onSuccess,
    mutationFn: ({ id, version, into }: Of & { into: string }) =>
      once("merge", [id, version, into], (headers) =>
        unwrap<Merge>(
          http.POST("/api/v1/issues/{id}/merge", {
            params: { path: { id } },
            body: { into },
            headers: { ...headers, ...ifMatch(version) },
          }),
        ),
      ),
  });
}

export function useUnmerge() {
  const onSuccess = useRefresh("issues", "overview", "tasks");
  return useMutation({
    onSuccess,
    mutationFn: ({ id, version, reason }: Of & { reason: string }) =>
      once("unmerge", [id, version, reason], (headers) =>
        unwrap<Issue>(
          http.POST("/api/v1/issues/{id}/unmerge", {
            params: { path: { id } },
            body: { reason },
            headers: { ...headers, ...ifMatch(version) },
          }),
        ),
      ),
  });
}

// ---- splitting, kinds, many at once ---------------------------------------------------------

export type SplitWish = {
  title: string;
  reason: string;
  kind?: IssueKind;
  rules: string[];
  tasks: string[];
  hypotheses: number[];
};
export type SplitResult = {
  issue_id: string;
  issue_state: string;
  part_id: string | null;
  part_title: string;
  part_state: string;
  signals: number;
  signals_left: number;
  tasks: number;
  tasks_under_way: number;
  tasks_left: number;
  rings: boolean;
};

/** What a split would do; nothing is written. */
export function usePreviewSplit() {
  return useMutation({
    mutationFn: ({ id, ...body }: { id: string } & SplitWish) =>
      unwrap<SplitResult>(
        http.POST("/api/v1/issues/{id}/split", {
          params: { path: { id } },
          body: { ...body, preview: true },
        }),
      ),
  });
}

export function useSplit() {
  const onSuccess = useRefresh("issues", "overview", "tasks");
  return useMutation({
    onSuccess,
    mutationFn: ({ id, version, ...body }: Of & SplitWish) =>
      once("split", [id, version, body], (headers) =>
        unwrap<SplitResult>(
          http.POST("/api/v1/issues/{id}/split", {
            params: { path: { id } },
            body,
            headers: { ...headers, ...ifMatch(version) },
          }),
        ),
      ),
  });
}

/** Takes back what was split off; `preview` only says what would happen. */
export function useRejoin() {
  const onSuccess = useRefresh("issues", "overview", "tasks");
  return useMutation({
    onSuccess,
    mutationFn: ({ id, version, reason }: Of & { reason: string }) =>
      once("rejoin", [id, version, reason], (headers) =>
        unwrap<SplitResult>(
          http.POST("/api/v1/issues/{id}/rejoin", {
            params: { path: { id } },
            body: { reason },
            headers: { ...headers, ...ifMatch(version) },
          }),
        ),
      ),
  });
}

export function useCallKind() {
  const onSuccess = useRefresh(...REFRESHED);
  return useMutation({
    onSuccess,
    mutationFn: ({ id, version, ...body }: Of & { kind: IssueKind; reason: string }) =>
      unwrap<Issue>(
        http.PUT("/api/v1/issues/{id}/kind", { params: { path: { id } }, body, headers: ifMatch(version) }),
      ),
  });
}

export function useReportOutcome() {
  const onSuccess = useRefresh("issues");
  return useMutation({
    onSuccess,
    mutationFn: ({ id, version, ...body }: Of & { revenue_cents: number; text: string }) =>
      unwrap<Issue>(
        http.PUT("/api/v1/issues/{id}/outcome", {
          params: { path: { id } },
          body,
          headers: ifMatch(version),
        }),
      ),
  });
}

export type BulkDecision = { issues: Of[] } & (
  | { dismiss: Dismissal }
  | { snooze: Snooze }
  | { merge: { into: string } }
  | { assign: { title: string; department?: string } }
);
export type BulkOutcome = {
  preview: boolean;
  done: number;
  failed: number;
  items: {
    id: string;
    title: string;
    ok: boolean;
    state: string | null;
    department: string | null;
    code: string | null;
    detail: string | null;
  }[];
};

/** One decision about many issues: `preview` only says what would become of each. */
export function useBulk() {
  const onSuccess = useRefresh("issues", "overview", "tasks");
  return useMutation({
    onSuccess,
    mutationFn: ({ preview, ...body }: BulkDecision & { preview: boolean }) =>
      preview
        ? unwrap<BulkOutcome>(http.POST("/api/v1/issues/bulk", { body: { ...body, preview } }))
        : once("bulk", [body], (headers) =>
            unwrap<BulkOutcome>(http.POST("/api/v1/issues/bulk", { body, headers })),
          ),
  });
}

export type Belief = "open" | "confirmed" | "rejected";
export type Hypothesis = {
  number: number;
  text: string;
  department: string | null;
  state: Belief;
  reason: string;
  by: string;
  at: string;
};

export function useSuppose() {
  const onSuccess = useRefresh("issues");
  return useMutation({
    onSuccess,
    mutationFn: ({ id, version, ...body }: Of & { text: string; department?: string }) =>
      once("suppose", [id, version, body], (headers) =>
        unwrap<Issue>(
          http.POST("/api/v1/issues/{id}/hypotheses", {
            params: { path: { id } },
            body,
            headers: { ...headers, ...ifMatch(version) },
          }),
        ),
      ),
  });
}

export function useJudgeHypothesis() {
  const onSuccess = useRefresh("issues");
  return useMutation({
    onSuccess,
    mutationFn: ({ id, version, number, ...body }: Of & { number: number; state: Belief; reason: string }) =>
      unwrap<Issue>(
        http.PUT("/api/v1/issues/{id}/hypotheses/{number}", {
          params: { path: { id, number } },
          body,
          headers: ifMatch(version),
        }),
      ),
  });
}

// ---- review tickets -------------------------------------------------------------------------

export type ReviewState = "open" | "analysed" | "called_back" | "closed";
export const REVIEW_STATES: readonly ReviewState[] = ["open", "analysed", "called_back", "closed"];
export type ReviewOutcome = "recovered" | "explained" | "compensated" | "not_reached" | "not_ours";
export const REVIEW_OUTCOMES: readonly ReviewOutcome[] = [
  "recovered",
  "explained",
  "compensated",
  "not_reached",
  "not_ours",
];
export type ReviewTicket = {
  id: string;
  state: ReviewState;
  text: string | null;
  occurred_at: string | null;
  reason: { kind: "low_rating"; rating: number } | { kind: "detractor"; nps: number };
  topic: string;
  topic_name: Bilingual;
  channel: string;
  issue_id: string | null;
  department: string;
  department_name: string;
  owner: string;
  gathered: number;
  cause: string | null;
  analysis: string;
  calls: { at: string; reached: boolean; text: string; by: string }[];
  outcome: ReviewOutcome | null;
  outcome_text: string;
  created_at: string;
  closed_at: string | null;
  timeline: LoopEvent[];
  version: number;
};
export type ReviewFilter = { state?: string };

export function useReviewTickets(filter: ReviewFilter) {
  return usePages(["reviews", filter], (cursor) =>
    unwrap<List<ReviewTicket>>(
      http.GET("/api/v1/review-tickets", { params: { query: { ...filter, cursor } } }),
    ),
  );
}

type Review =
  | { what: "analyse"; body: { cause: string; text: string } }
  | { what: "call_back"; body: { reached: boolean; text: string } }
  | { what: "close"; body: { outcome: ReviewOutcome; text: string } }
  | { what: "reassign"; body: { department: string; reason: string } };

export function useReview(id: string, version: number) {
  const onSuccess = useRefresh("reviews");
  return useMutation({
    onSuccess,
    mutationFn: (review: Review) =>
      once("review", [id, version, review], (key) => {
        const params = { path: { id } };
        const headers = { ...key, ...ifMatch(version) };
        switch (review.what) {
          case "analyse":
            return unwrap<ReviewTicket>(
              http.POST("/api/v1/review-tickets/{id}/analyse", { params, body: review.body, headers }),
            );
          case "call_back":
            return unwrap<ReviewTicket>(
              http.POST("/api/v1/review-tickets/{id}/call_back", { params, body: review.body, headers }),
            );
          case "reassign":
            return unwrap<ReviewTicket>(
              http.POST("/api/v1/review-tickets/{id}/reassign", { params, body: review.body, headers }),
            );
          default:
            return unwrap<ReviewTicket>(
              http.POST("/api/v1/review-tickets/{id}/close", { params, body: review.body, headers }),
            );
        }
      }),
  });
}
