import { useCallback } from "react";
import type { Issue, Task } from "../api/types";
import { useBilingual } from "./bilingual";

type Named = Pick<Issue, "title" | "heading">;

/** What an issue is called in the reader's language. */
export function useIssueName(): (issue: Named) => string {
  const say = useBilingual();
  return useCallback((issue) => (issue.heading && say(issue.heading)) || issue.title, [say]);
}

/** The same of the issue that a task belongs to. */
export function useTaskIssueName(task: Pick<Task, "issue_heading" | "issue_title">): string {
  const say = useBilingual();
  return say(task.issue_heading) || task.issue_title;
}
