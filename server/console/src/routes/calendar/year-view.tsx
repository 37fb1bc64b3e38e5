import { Button } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { type CalendarYear, type DayKind, useCalendarYear } from "../../api/calendars";
import { QueryView } from "../../components/page";
import { word } from "../../i18n";
import { useBilingual } from "../../lib/bilingual";
import { dayIn, useFormat } from "../../lib/format";
import { hoursOf } from "./week-text";

type Day = CalendarYear["days"][number];

/** Monday is 0. */
const weekday = (day: string) => (new Date(`${day}T12:00:00Z`).getUTCDay() + 6) % 7;

/** Days that carry a mark, so that colour is never the only sign. */
function isMarked(kind: DayKind): kind is "holiday" | "make_up_day" | "make_up_not_followed" {
  return kind === "holiday" || kind === "make_up_day" || kind === "make_up_not_followed";
}

/** Monday to Sunday in one character each. */
function useWeekdays(): string[] {
  const { i18n } = useTranslation();
  const narrow = new Intl.DateTimeFormat(i18n.language, { weekday: "narrow", timeZone: "UTC" });
  // The first of January 2024 was a Monday.
  return Array.from({ length: 7 }, (_, n) => narrow.format(new Date(Date.UTC(2024, 0, 1 + n, 12))));
}

function Month(props: { month: number; days: readonly Day[]; today: string }) {
  const { t } = useTranslation();
  const say = useBilingual();
  const weekdays = useWeekdays();
  const first = props.days[0];
  if (!first) return null;
  return (
    <table className="year__month">
      <caption>{t("hours.month", { n: props.month })}</caption>
      <thead aria-hidden="true">
        <tr>
          {weekdays.map((name, n) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: two days share a letter, and none ever moves
            <th key={n}>{name}</th>
          ))}
        </tr>
      </thead>
      <tbody>
        {weeks(props.days).map((week) => (
          <tr key={week.find((day) => day)?.day}>
            {week.map((day, index) => {
              if (!day) {
                // biome-ignore lint/suspicious/noArrayIndexKey: an empty cell has only its place
                return <td key={index} aria-hidden="true" />;
              }
              const kind = word("hours_kind", day.kind);
              const name = day.name ? say(day.name) : "";
              const title = [day.day, kind, name, t("hours.day_hours", { hours: hoursOf(day.minutes) })]
                .filter(Boolean)
                .join(" · ");
              return (
                <td
                  key={day.day}
                  className={`day day--${day.kind}${day.day === props.today ? " day--today" : ""}`}
                  title={title}
                >
                  <span className="num">{Number(day.day.slice(8))}</span>
                  {isMarked(day.kind) && <sup aria-hidden="true">{t(`hours.mark_${day.kind}`)}</sup>}
                  {day.kind !== "workday" && day.kind !== "weekend" && (
                    <span className="visually-hidden">{title}</span>
                  )}
                </td>
              );
            })}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function weeks(days: readonly Day[]): (Day | null)[][] {
  const cells: (Day | null)[] = [...Array<null>(weekday(days[0]?.day ?? "2024-01-01")).fill(null), ...days];
  const rows: (Day | null)[][] = [];
  for (let at = 0; at < cells.length; at += 7) rows.push(cells.slice(at, at + 7));
  return rows;
}

/** A year of a calendar at a glance. */
export function YearView(props: { calendar: string }) {
  const { t } = useTranslation();
  const format = useFormat();
  const today = dayIn(new Date(), format.zone);
  const [year, setYear] = useState(Number(today.slice(0, 4)));
  const query = useCalendarYear(props.calendar, year);
  return (
    <div className="stack stack--tight">
      <div className="row">
        <Button size="small" aria-label={t("hours.year_before")} onClick={() => setYear(year - 1)}>
          ←
        </Button>
        <strong className="num">{year}</strong>
        <Button size="small" aria-label={t("hours.year_after")} onClick={() => setYear(year + 1)}>
          →
        </Button>
        {query.data && (
          <span className="soft">
            {t("hours.year_sum", {
              days: query.data.working_days,
              hours: format.count(Math.round(query.data.working_minutes / 60)),
            })}
          </span>
        )}
      </div>
      <QueryView query={query}>
        {(data) => (
          <>
            {!data.known && <p className="danger">{t("hours.year_unknown", { year: data.year })}</p>}
            {data.source && <p className="faint">{t("hours.year_source", { source: data.source })}</p>}
            <div className="year">
              {Array.from({ length: 12 }, (_, n) => n + 1).map((month) => (
                <Month
                  key={month}
                  month={month}
                  today={today}
                  days={data.days.filter((day) => Number(day.day.slice(5, 7)) === month)}
                />
              ))}
            </div>
            <p className="year__legend faint">
              {(["workday", "weekend", "holiday", "make_up_day"] as const).map((kind) => (
                <span key={kind}>
                  <span className={`day day--${kind}`} aria-hidden="true">
                    {isMarked(kind) ? t(`hours.mark_${kind}`) : "1"}
                  </span>{" "}
                  {word("hours_kind", kind)}
                </span>
              ))}
            </p>
          </>
        )}
      </QueryView>
    </div>
  );
}
