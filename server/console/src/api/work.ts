/** What the work of a task is: typed progress, parts, approvals, files, many at once. */

import { useMutation, useQuery } from "@tanstack/react-query";
import { http, ifMatch, once, unwrap } from "./client";
import { useRefresh } from "./hooks";
import type { Bilingual, Task, TaskState } from "./types";

export const KINDS = [
  "product_change",
  "process",
  "script_template",
  "training",
  "policy",
  "kb_rewrite",
  "video",
  "staffing",
  "other",
] as const;
export type Kind = (typeof KINDS)[number];
export const TICKET_STATES = ["open", "in_progress", "done", "rejected"] as const;
export type TicketState = (typeof TICKET_STATES)[number];

export type Track = {
  by: "percent" | "checklist" | "coverage" | "ticket";
  items: { text: string; done_at: string | null; by: string | null }[];
  group: string | null;
  total: number | null;
  trained: number | null;
  url: string | null;
  ticket_state: TicketState | null;
  whole: boolean;
  missing: Bilingual | null;
};
export type TrackWish =
  | { by: "percent" }
  | { by: "checklist"; items?: string[] }
  | { by: "coverage"; group: string; total: number }
  | { by: "ticket"; url?: string };
export type Relative = {
  id: string;
  title: string;
  state: TaskState;
  department_name: string;
  owner: string;
  due_at: string;
  overdue: boolean;
  percent: number;
  open: boolean;
  visible: boolean;
};
export type Approval = {
  round: number;
  approver: string;
  asked_at: string;
  solution: string;
  outcome: "asked" | "approved" | "rejected" | "taken_back";
  decided_at: string | null;
  decided_by: string | null;
  words: string | null;
  mine: boolean;
};
export type ApprovalRules = Partial<Record<Kind, { approver_email?: string | null }>>;

/** What a task says of its work; servers before typed progress leave it out. */
export type Work = {
  kind?: Kind;
  track?: Track;
  rest?: string | null;
  parent?: Relative | null;
  sub_tasks?: Relative[];
  approval?: Approval | null;
  proposed_due?: ProposedDue | null;
};

/** Another date that the owner asks for and nobody has answered. */
export type ProposedDue = { at: string; due_at: string; by: string; comment: string };

export type Advance = {
  done?: number[];
  trained?: number;
  total?: number;
  ticket_state?: TicketState;
  url?: string;
  comment?: string;
};

function useTaskRefresh() {
  return useRefresh("tasks", "issues", "overview", "mailbox");
}

export function useAdvance(id: string, version: number) {
  const onSuccess = useTaskRefresh();
  return useMutation({
    onSuccess,
    mutationFn: (body: Advance) =>
      unwrap<unknown>(
        http.POST("/api/v1/tasks/{id}/advance", {
          params: { path: { id } },
          headers: ifMatch(version),
          body: body as never,
        }),
      ),
  });
}

export type NewSubTask = {
  title: string;
  description: string;
  department: string;
  owner_email?: string;
  due_at?: string;
  kind: Kind;
};

export function useAddSubTask(id: string) {
  const onSuccess = useTaskRefresh();
  return useMutation({
    onSuccess,
    mutationFn: (body: NewSubTask) =>
      once("sub-task", [id, body], (headers) =>
        unwrap<Pick<Task, "id">>(
          http.POST("/api/v1/tasks/{id}/sub-tasks", {
            params: { path: { id } },
            headers,
            body: body as never,
          }),
        ),
      ),
  });
}

export function useDecide(id: string, version: number) {
  const onSuccess = useTaskRefresh();
  return useMutation({
    onSuccess,
    mutationFn: ({ approved, words }: { approved: boolean; words: string }) => {
      const params = { path: { id } };
      const headers = ifMatch(version);
      return unwrap<unknown>(
        approved
          ? http.POST("/api/v1/tasks/{id}/approve", { params, headers, body: { comment: words } })
          : http.POST("/api/v1/tasks/{id}/reject", { params, headers, body: { reason: words } }),
      );
    },
  });
}

/** Agrees to another due date, or leaves it as it is. */
export function useDueDecision(id: string, version: number) {
  const onSuccess = useTaskRefresh();
  return useMutation({
    onSuccess,
    mutationFn: (say: { agreed: true; due_at: string; words: string } | { agreed: false; words: string }) => {
      const params = { path: { id } };
      const headers = ifMatch(version);
      return unwrap<unknown>(
        say.agreed
          ? http.POST("/api/v1/tasks/{id}/due", {
              params,
              headers,
              body: { due_at: say.due_at, comment: say.words },
            })
          : http.POST("/api/v1/tasks/{id}/due/refuse", { params, headers, body: { reason: say.words } }),
      );
    },
  });
}

export function useAttach(id: string) {
  const onSuccess = useTaskRefresh();
  return useMutation({
    onSuccess,
    mutationFn: (file: File) => {
      const form = new FormData();
      form.append("file", file);
      return unwrap<unknown>(
        http.POST("/api/v1/tasks/{id}/attachments", {
          params: { path: { id } },
          body: form as never,
          bodySerializer: (body: unknown) => body as FormData,
        }),
      );
    },
  });
}

export type BulkAction = {
  action: "reassign" | "cancel" | "remind";
  department?: string;
  owner_email?: string;
  reason?: string;
  sub_tasks?: "cancel";
};
export type BulkResult = {
  id: string;
  title: string;
  ok: boolean;
  code: string | null;
  detail: string | null;
  state_before: TaskState | null;
  state_after: TaskState | null;
  owner_before: string | null;
  owner_after: string | null;
  mails: string[];
};
export type BulkResults = { preview: boolean; done: number; refused: number; items: BulkResult[] };

export function useBulkTasks() {
  const refresh = useTaskRefresh();
  return useMutation({
    onSuccess: (results: BulkResults) => (results.preview ? undefined : refresh()),
    mutationFn: (body: BulkAction & { ids: string[]; preview: boolean }) =>
      unwrap<BulkResults>(http.POST("/api/v1/tasks/bulk", { body: body as never })),
  });
}

export type PauseReport = {
  from: string;
  to: string;
  rows: {
    why: "question" | "approval";
    department: string;
    department_name: string;
    tasks: number;
    pauses: number;
    lasting: number;
    working_minutes: number;
    longest_minutes: number;
    minutes: number;
  }[];
};

export function usePauses(from: string, to: string) {
  return useQuery({
    queryKey: ["tasks", "pauses", from, to],
    queryFn: () =>
      unwrap<PauseReport>(http.GET("/api/v1/reports/pauses", { params: { query: { from, to } } })),
  });
}
