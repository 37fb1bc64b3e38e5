/** Mail: what came back, addresses, wishes of people, templates, and what waits; what the pages read, and every call. */

import { useMutation, useQuery } from "@tanstack/react-query";
import { http, unwrap } from "./client";
import { usePages, useRefresh } from "./hooks";
import type { List, OutboxItem } from "./types";

export const OUTCOMES = [
  "unmatched",
  "refused",
  "failed",
  "ignored",
  "acted",
  "commented",
  "answered",
  "bounce",
  "attached",
] as const;
export type Outcome = (typeof OUTCOMES)[number];
/** What may still be put to a task. */
export const STRAY: readonly Outcome[] = ["unmatched", "refused", "failed", "ignored"];

export type InboxItem = {
  id: string;
  from: string;
  subject: string;
  outcome: Outcome;
  details: {
    reason?: string;
    problem?: string;
    severity?: string;
    attached_by?: string;
    commands?: string[];
  };
  task_id: string | null;
  size: number;
  read_at: string;
};
export type InboxMail = InboxItem & { words: string | null; files: string[] };
export type Inbox = List<InboxItem> & {
  mailbox: string | null;
  looked_at: string | null;
  error: string | null;
};
export type MailAddress = {
  email: string;
  hard_bounces: number;
  last_reason: string;
  last_bounce_at: string;
  disabled_at: string | null;
};
export const PACES = ["immediate", "hourly", "daily"] as const;
export type Quiet = { from: string; to: string; weekdays: number[] };
export type Preference = {
  pace: (typeof PACES)[number];
  daily_at: string;
  quiet: Quiet[];
  urgent_at_once: boolean;
  /** Their own wish; null: what their department or account says. */
  language?: "zh-CN" | "en" | null;
  zone?: string | null;
};
export type Template = { name: string; subject: string };
export type Preview = { subject: string; text: string; html: string };

export function useInbox(outcome: Outcome | undefined) {
  return usePages(["mailbox", "inbox", outcome ?? ""], (cursor) =>
    unwrap<List<InboxItem>>(http.GET("/api/v1/inbox", { params: { query: { outcome, cursor } } })),
  );
}

/** How the mailbox is that answers come to. */
export function useInboxState() {
  return useQuery({
    queryKey: ["mailbox", "inbox-state"],
    queryFn: () => unwrap<Inbox>(http.GET("/api/v1/inbox", { params: { query: { limit: 1 } } })),
  });
}

export function useInboxMail(id: string) {
  return useQuery({
    queryKey: ["mailbox", "inbox-mail", id],
    queryFn: () => unwrap<InboxMail>(http.GET("/api/v1/inbox/{id}", { params: { path: { id } } })),
  });
}

export function useAttachMail(id: string) {
  const onSuccess = useRefresh("mailbox", "tasks");
  return useMutation({
    onSuccess,
    mutationFn: (task_id: string) =>
      unwrap<InboxItem>(
        http.POST("/api/v1/inbox/{id}/attach", { params: { path: { id } }, body: { task_id } }),
      ),
  });
}

export function useOutboxOf(state: OutboxItem["state"] | undefined) {
  return usePages(["mailbox", "outbox", state ?? ""], (cursor) =>
    unwrap<List<OutboxItem>>(http.GET("/api/v1/outbox", { params: { query: { state, cursor } } })),
  );
}

export function useSendAgain() {
  const onSuccess = useRefresh("mailbox", "tasks");
  return useMutation({
    onSuccess,
    mutationFn: (id: string) =>
      unwrap<OutboxItem>(http.POST("/api/v1/outbox/{id}/retry", { params: { path: { id } } })),
  });
}

/** What does not go out: mails that were given up, and whether the mail server refuses us. */
export type OutboxTrouble = { dead: number; waiting: number; why: string | null; error: string | null };

export function useOutboxTrouble() {
  return useQuery({
    queryKey: ["mailbox", "trouble"],
    queryFn: () => unwrap<OutboxTrouble>(http.GET("/api/v1/outbox/trouble")),
  });
}

export function useSendAllAgain() {
  const onSuccess = useRefresh("mailbox", "tasks");
  return useMutation({
    onSuccess,
    mutationFn: () => unwrap<{ queued: number }>(http.POST("/api/v1/outbox/retry")),
  });
}

export function useAddresses() {
  return usePages(["mailbox", "addresses"], (cursor) =>
    unwrap<List<MailAddress>>(http.GET("/api/v1/addresses", { params: { query: { cursor } } })),
  );
}

export function useEnableAddress() {
  const onSuccess = useRefresh("mailbox", "tasks");
  return useMutation({
    onSuccess,
    mutationFn: (email: string) =>
      unwrap<{ released: number }>(
        http.POST("/api/v1/addresses/{email}/enable", { params: { path: { email } } }),
      ),
  });
}

export function usePreference(email: string) {
  return useQuery({
    queryKey: ["mailbox", "people", email],
    queryFn: () =>
      unwrap<Preference>(http.GET("/api/v1/mail/people/{email}", { params: { path: { email } } })),
  });
}

export function useSavePreference(email: string) {
  const onSuccess = useRefresh("mailbox");
  return useMutation({
    onSuccess,
    mutationFn: (body: Preference) =>
      unwrap<Preference>(http.PUT("/api/v1/mail/people/{email}", { params: { path: { email } }, body })),
  });
}

export function useTemplates(language: string) {
  return useQuery({
    queryKey: ["mail-templates", language],
    queryFn: async () =>
      (
        await unwrap<Pick<List<Template>, "items">>(
          http.GET("/api/v1/mail/templates", { params: { query: { language } } }),
        )
      ).items,
  });
}

export function usePreview(key: string, language: string) {
  return useQuery({
    queryKey: ["mail-templates", language, key],
    queryFn: () =>
      unwrap<Preview>(
        http.GET("/api/v1/mail/templates/{key}", { params: { path: { key }, query: { language } } }),
      ),
  });
}

export function useTrial() {
  const onSuccess = useRefresh("mailbox");
  return useMutation({
    onSuccess,
    mutationFn: (body: { to: string; language: string; template: string }) =>
      unwrap<{ delivery_id: string }>(http.POST("/api/v1/mail/trial", { body })),
  });
}
