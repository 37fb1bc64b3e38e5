import { useTranslation } from "react-i18next";
import type { LoopEvent } from "../api/types";
import { word } from "../i18n";
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
] as const;

/** `task.accepted` is known by its verb: the page already says what it is about. */
function verb(kind: string): string {
  return kind.slice(kind.lastIndexOf(".") + 1);
}

function told(event: LoopEvent): string[] {
  const parts: string[] = [];
  for (const key of TELLING) {
    const value = event.data[key];
    if (typeof value === "string" && value !== "") {
      parts.push(key === "verdict" ? word("verdict", value) : value);
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
  if (props.events.length === 0) return <p className="faint">{t("event.none")}</p>;
  const events = [...props.events].sort((a, b) => Date.parse(b.at) - Date.parse(a.at));
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
            {told(event).map((part) => (
              <span key={part}> · {part}</span>
            ))}
          </p>
        </li>
      ))}
    </ol>
  );
}
