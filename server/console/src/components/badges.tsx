import type { CSSProperties, ReactNode } from "react";
import { useTranslation } from "react-i18next";
import type { IssueKind } from "../api/evidence";
import type { IssueState, Quadrant, TaskState, Verdict } from "../api/types";
import { word } from "../i18n";
import { colour, quadrantColour, verdictColour } from "../styles/tokens";

export function Badge(props: { colour: string; solid?: boolean; large?: boolean; children: ReactNode }) {
  const names = ["badge", props.solid ? "badge--solid" : "", props.large ? "badge--large" : ""];
  return (
    <span className={names.filter(Boolean).join(" ")} style={{ "--badge": props.colour } as CSSProperties}>
      {props.children}
    </span>
  );
}

/** Cells of the small plan: rare/high, frequent/high, rare/low, frequent/low, as on the chart. */
const CELLS: readonly Quadrant[] = ["plan", "fix_now", "watch", "quick_win"];

/** The words of an opportunity are others: its second axis is demand. */
export function QuadrantBadge(props: { quadrant: Quadrant; kind?: IssueKind | undefined; large?: boolean }) {
  const { t } = useTranslation();
  return (
    <Badge colour={quadrantColour[props.quadrant]} {...(props.large ? { large: true } : {})}>
      <span className="badge__cell" aria-hidden="true">
        {CELLS.map((cell) => (
          <i key={cell} className={cell === props.quadrant ? "on" : ""} />
        ))}
      </span>
      {props.kind === "opportunity"
        ? t(`opportunity_quadrant.${props.quadrant}`)
        : t(`quadrant.${props.quadrant}`)}
    </Badge>
  );
}

export function VerdictBadge(props: { verdict: Verdict; large?: boolean }) {
  const { t } = useTranslation();
  return (
    <Badge colour={verdictColour[props.verdict]} solid {...(props.large ? { large: true } : {})}>
      {t(`verdict.${props.verdict}`)}
    </Badge>
  );
}

const ISSUE_COLOUR: Record<IssueState, string> = {
  open: colour.accent,
  in_progress: colour.teal700,
  verifying: verdictColour.pending,
  resolved: verdictColour.improved,
  relapsed: verdictColour.worse,
  dismissed: colour.inkFaint,
  snoozed: colour.inkFaint,
};

export function IssueStateBadge(props: { state: IssueState }) {
  return (
    <Badge colour={ISSUE_COLOUR[props.state] ?? colour.inkFaint}>{word("issue_state", props.state)}</Badge>
  );
}

const TASK_COLOUR: Record<TaskState, string> = {
  assigned: colour.accent,
  accepted: colour.teal700,
  declined: verdictColour.worse,
  in_progress: colour.teal700,
  awaiting_approval: colour.accent,
  done: verdictColour.pending,
  verifying: verdictColour.pending,
  verified: verdictColour.improved,
  not_verified: verdictColour.no_effect,
  cancelled: colour.inkFaint,
};

export function TaskStateBadge(props: { state: TaskState }) {
  return (
    <Badge colour={TASK_COLOUR[props.state] ?? colour.inkFaint}>{word("task_state", props.state)}</Badge>
  );
}
