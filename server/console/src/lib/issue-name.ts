import { useCallback } from "react";
import { useTranslation } from "react-i18next";
import { useIssueOnce } from "../api/hooks";
import type { Issue, Task } from "../api/types";
import { languageOf } from "../i18n";
import { useBilingual } from "./bilingual";

type Named = Pick<Issue, "title" | "heading">;

/** What an issue is called in the reader's language. */
export function useIssueName(): (issue: Named) => string {
  const say = useBilingual();
  return useCallback((issue) => (issue.heading && say(issue.heading)) || issue.title, [say]);
}

/** The same of the issue that a task belongs to: a task holds its title in Chinese only. */
export function useTaskIssueName(task: Pick<Task, "issue_id" | "issue_title">): string {
  const { i18n } = useTranslation();
  const name = useIssueName();
  const issue = useIssueOnce(task.issue_id, languageOf(i18n.language) === "en").data;
  return (issue && name(issue)) || task.issue_title;
}
