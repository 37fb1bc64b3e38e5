import { Button } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { type SlaExplanation, useSlaExplanation } from "../../api/calendars";
import type { Task } from "../../api/types";
import { Panel, QueryView } from "../../components/page";
import { word } from "../../i18n";
import { useBilingual } from "../../lib/bilingual";
import { useFormat } from "../../lib/format";
import { hoursOf } from "../calendar/week-text";

/** `07-03 Fri 09:00` on the clock of the calendar. */
function useWall(zone: string): (at: string) => string {
  const { i18n } = useTranslation();
  const format = new Intl.DateTimeFormat(i18n.language, {
    timeZone: zone,
    month: "2-digit",
    day: "2-digit",
    weekday: "short",
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
  });
  return (at) => {
    const parts = Object.fromEntries(format.formatToParts(new Date(at)).map((p) => [p.type, p.value]));
    return `${parts.month}-${parts.day} ${parts.weekday} ${parts.hour}:${parts.minute}`;
  };
}

function Spans(props: { clock: NonNullable<SlaExplanation["clock"]> }) {
  const { t } = useTranslation();
  const say = useBilingual();
  const { clock } = props;
  const wall = useWall(clock.zone);
  let sum = 0;
  return (
    <table className="spans">
      <thead>
        <tr>
          <th scope="col">{t("hours.from")}</th>
          <th scope="col">{t("hours.until")}</th>
          <th scope="col">{t("hours.why")}</th>
          <th scope="col">{t("hours.counted")}</th>
          <th scope="col">{t("hours.sum")}</th>
        </tr>
      </thead>
      <tbody>
        {clock.lines.map((line) => {
          if (line.counted) sum += line.minutes;
          return (
            <tr key={line.from} className={line.counted ? "" : "spans__skipped"}>
              <td className="num">{wall(line.from)}</td>
              <td className="num">{wall(line.until)}</td>
              <td>
                {word("hours_reason", line.reason)}
                {line.name && ` · ${say(line.name)}`}
              </td>
              <td className="num">{line.counted ? `+${hoursOf(line.minutes)}` : "—"}</td>
              <td className="num">{hoursOf(sum)}</td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}

/** How the due time was computed, span by span; folded until somebody asks. */
export function DueExplained(props: { task: Task }) {
  const { t } = useTranslation();
  const format = useFormat();
  const say = useBilingual();
  const { task } = props;
  const [open, setOpen] = useState(false);
  const query = useSlaExplanation(task.id, task.version, open);
  const computed = task.due?.rule === "calendar";
  return (
    <Panel
      title={t("hours.explain")}
      extra={
        <Button size="small" aria-expanded={open} onClick={() => setOpen(!open)}>
          {t(open ? "hours.fold" : "hours.unfold")}
        </Button>
      }
    >
      <p className="soft">
        {computed && task.due?.calendar_name
          ? t("hours.rule_calendar", { hours: task.due.hours, name: say(task.due.calendar_name) })
          : t("hours.rule_person")}
        {task.due?.standing_since && (
          <strong>
            {" "}
            {t(task.due.waits_for === "approval" ? "work.standing_approval" : "hours.standing", {
              at: format.dateTime(task.due.standing_since),
            })}
          </strong>
        )}
      </p>
      {open && (
        <QueryView query={query}>
          {(data) => (
            <div className="stack stack--tight">
              <p>{say(data.sentence)}</p>
              {data.clock && (
                <>
                  <p className="soft num">
                    {t("hours.spent", {
                      spent: hoursOf(data.clock.elapsed_minutes),
                      all: hoursOf(data.clock.target_minutes),
                      paused: hoursOf(data.clock.paused_minutes),
                      zone: data.clock.zone,
                    })}
                  </p>
                  {data.clock.unknown_years.length > 0 && (
                    <p className="danger">
                      {t("hours.unknown_years", { years: data.clock.unknown_years.join(t("app.comma")) })}
                    </p>
                  )}
                  <div style={{ overflowX: "auto" }}>
                    <Spans clock={data.clock} />
                  </div>
                  {data.clock.cut && <p className="faint">{t("hours.cut")}</p>}
                </>
              )}
            </div>
          )}
        </QueryView>
      )}
    </Panel>
  );
}
