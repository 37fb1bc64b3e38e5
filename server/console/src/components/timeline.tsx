import { useTranslation } from "react-i18next";
import { useDepartments } from "../api/hooks";
import type { Bilingual, LoopEvent } from "../api/types";
import { word } from "../i18n";
import { useBilingual } from "../lib/bilingual";
import { useFormat } from "../lib/format";

/** Values of an event that say something to a reader, in the order they are looked for. */
const TELLING = [
  "reason",
  "comment",
  "solution",
  "percent",
  "department",
  "owner",
  "verdict",
  "target",
  "title",
  "rest",
  "approver",
  "file",
] as const;

/** `task.accepted` is known by its verb: the page already says what it is about. */
function verb(kind: string): string {
  return kind.slice(kind.lastIndexOf(".") + 1);
}

function isBilingual(value: unknown): value is Bilingual {
  return typeof value === "object" && value !== null && "zh" in value && "en" in value;
}

function told(
  event: LoopEvent,
  departmentName: (key: string) => string,
  said: (sentence: Bilingual) => string,
): string[] {
  const parts: string[] = [];
  if (event.kind === "task.escalated") {
    const { do: action, to } = event.data;
    if (typeof action === "string") parts.push(word("handling_do", action));
    if (typeof to === "string") parts.push(to);
    return parts;
  }
  for (const key of TELLING) {
    const given = event.data[key];
    const value = isBilingual(given) ? said(given) : given;
    if (typeof value === "string" && value !== "") {
      if (key === "verdict") parts.push(word("verdict", value));
      else parts.push(key === "department" ? departmentName(value) : value);
    } else if (key === "percent" && typeof value === "number") {
      parts.push(`${value}%`);
    }
  }
  return parts;
}

/** The append-only history of an issue or task, newest first. */
export function Timeline(props: { events: readonly LoopEvent[] }) {
  const { t } = useTranslation();
  const format = useFormat();
  const said = useBilingual();
  const departments = useDepartments().data;
  const departmentName = (key: string) => departments?.find((d) => d.key === key)?.name || key;
  if (props.events.length === 0) return <p className="faint">{t("event.none")}</p>;
  // The server tells them oldest first; what happened in one moment keeps its order.
  const events = [...props.events].reverse();
  return (
    <ol className="timeline">
      {events.map((event, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: two events may share time and kind; the list only grows at its end
        <li key={events.length - index}>
          <div className="row row--between">
            <strong>{word("event", verb(event.kind))}</strong>
            <time dateTime={event.at}>{format.dateTime(event.at)}</time>
          </div>
          <p className="faint">
            {event.actor.name || word("actor", event.actor.kind)}
            {told(event, departmentName, said).map((part) => (
              <span key={part}> · {part}</span>
            ))}
          </p>
        </li>
      ))}
    </ol>
  );
}
