// Business calendars, and how due times come about.

import { useMutation, useQuery } from "@tanstack/react-query";
import { http, ifMatch, unwrap } from "./client";
import { useRefresh } from "./hooks";
import type { Bilingual, List } from "./types";

export const WEEKDAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] as const;
export type Weekday = (typeof WEEKDAYS)[number];
/** Hours in which people work; `24:00` is the end of the day. */
export type Span = { from: string; to: string };
export type Holiday = { from: string; to?: string | null; name: string; name_en?: string };
export type ExtraWorkday = {
  day: string;
  name: string;
  name_en?: string;
  like?: Weekday | null;
  spans?: Span[];
};
export type BusinessCalendar = {
  key: string;
  name: string;
  name_en: string;
  zone: string;
  week: Record<Weekday, Span[]>;
  base: string | null;
  holidays: Holiday[];
  extra_workdays: ExtraWorkday[];
  follows_make_up_days: boolean;
  /** 0: built in. */
  version: number;
};
export type CalendarDraft = Omit<BusinessCalendar, "version"> & { version?: number };
export type DayKind = "workday" | "weekend" | "day_off" | "holiday" | "make_up_day" | "make_up_not_followed";
export type CalendarYear = {
  year: number;
  days: { day: string; kind: DayKind; name: Bilingual | null; minutes: number }[];
  working_days: number;
  working_minutes: number;
  known: boolean;
  source: string | null;
};
export type IcsOutcome = {
  changes: {
    day: string;
    sort: "holiday" | "extra_workday";
    name: string;
    before: "holiday" | "extra_workday" | null;
    name_before: string | null;
  }[];
  skipped: { name: string; line: number; reason: string; sentence: Bilingual }[];
  read: number;
  applied: boolean;
};
export type SlaReason =
  | "working_hours"
  | "make_up_day"
  | "outside_hours"
  | "break"
  | "weekend"
  | "day_off"
  | "holiday"
  | "make_up_not_followed"
  | "paused_question"
  | "paused_approval";
export type SlaLine = {
  from: string;
  until: string;
  minutes: number;
  counted: boolean;
  reason: SlaReason;
  name: Bilingual | null;
};
export type SlaExplanation = {
  task_id: string;
  rule: "calendar" | "person";
  due_at: string;
  standing_since: string | null;
  overdue: boolean;
  pauses: { from: string; until: string | null; why: string; working_minutes: number }[];
  clock: {
    calendar: string;
    calendar_name: Bilingual;
    edition: string;
    zone: string;
    target_minutes: number;
    from: string;
    elapsed_minutes: number;
    paused_minutes: number;
    lines: SlaLine[];
    cut: boolean;
    unknown_years: number[];
  } | null;
  sentence: Bilingual;
};

export function useBusinessCalendars() {
  return useQuery({
    queryKey: ["calendars"],
    queryFn: async () =>
      (await unwrap<Pick<List<BusinessCalendar>, "items">>(http.GET("/api/v1/calendars"))).items,
  });
}

export function useCalendarYear(key: string, year: number) {
  return useQuery({
    queryKey: ["calendars", "year", key, year],
    queryFn: () =>
      unwrap<CalendarYear>(
        http.GET("/api/v1/calendars/{key}/year", { params: { path: { key }, query: { year } } }),
      ),
  });
}

export function useSaveBusinessCalendar() {
  const onSuccess = useRefresh("calendars", "tasks");
  return useMutation({
    onSuccess,
    mutationFn: ({ version, ...body }: CalendarDraft) =>
      unwrap<BusinessCalendar>(
        http.PUT("/api/v1/calendars/{key}", {
          params: { path: { key: body.key } },
          body: body as never,
          headers: ifMatch(version),
        }),
      ),
  });
}

export function useRemoveBusinessCalendar() {
  const onSuccess = useRefresh("calendars");
  return useMutation({
    onSuccess,
    mutationFn: (key: string) =>
      unwrap<void>(http.DELETE("/api/v1/calendars/{key}", { params: { path: { key } } })),
  });
}

/** What a file would change; with `apply` it does. */
export function useImportCalendar(key: string) {
  const onSuccess = useRefresh("calendars", "tasks");
  return useMutation({
    onSuccess,
    mutationFn: (body: { ics: string; apply: boolean }) =>
      unwrap<IcsOutcome>(http.POST("/api/v1/calendars/{key}/import", { params: { path: { key } }, body })),
  });
}

/** How a due time came about. Refetched with the task, because both move together. */
export function useSlaExplanation(task: string, version: number, enabled: boolean) {
  return useQuery({
    queryKey: ["tasks", "sla", task, version],
    enabled,
    queryFn: () =>
      unwrap<SlaExplanation>(http.GET("/api/v1/tasks/{id}/sla/explain", { params: { path: { id: task } } })),
  });
}
