import { Button, Drawer } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import {
  type BusinessCalendar,
  type CalendarDraft,
  useBusinessCalendars,
  WEEKDAYS,
} from "../../api/calendars";
import { Badge } from "../../components/badges";
import { Panel, QueryView } from "../../components/page";
import { useBilingual } from "../../lib/bilingual";
import { useMay } from "../../lib/session";
import { colour } from "../../styles/tokens";
import { CalendarForm } from "./calendar-form";
import { IcsImport } from "./ics-import";
import { textOf } from "./week-text";
import { YearView } from "./year-view";

type Open = { what: "edit"; calendar: CalendarDraft } | { what: "import"; calendar: BusinessCalendar } | null;

/** Days of the week with the same hours together: `Mon–Fri 09:00–12:00, 13:30–18:00`. */
function useWeek() {
  const { t } = useTranslation();
  return (calendar: BusinessCalendar): string => {
    const groups: { first: string; last: string; hours: string }[] = [];
    for (const day of WEEKDAYS) {
      const hours = textOf(calendar.week[day]);
      const name = t(`hours.${day}`);
      const last = groups.at(-1);
      if (last && last.hours === hours) last.last = name;
      else groups.push({ first: name, last: name, hours });
    }
    return groups
      .filter((group) => group.hours)
      .map((g) => `${g.first === g.last ? g.first : `${g.first}–${g.last}`} ${g.hours}`)
      .join(t("app.comma"));
  };
}

export function BusinessCalendarsPage() {
  const { t } = useTranslation();
  const say = useBilingual();
  const week = useWeek();
  const calendars = useBusinessCalendars();
  const mayEdit = useMay("manage_organisation");
  const [open, setOpen] = useState<Open>(null);
  const [shown, setShown] = useState("cn");

  /** A calendar of one's own, with the hours and the public holidays of another. */
  function copy(from: BusinessCalendar): void {
    setOpen({
      what: "edit",
      calendar: {
        key: "",
        name: "",
        name_en: "",
        zone: from.zone,
        week: from.week,
        base: from.base,
        follows_make_up_days: from.follows_make_up_days,
        // Those of a built-in calendar come with its base, and with every new version of the program.
        holidays: from.version === 0 ? [] : from.holidays,
        extra_workdays: from.version === 0 ? [] : from.extra_workdays,
      },
    });
  }

  return (
    <div className="stack">
      <QueryView query={calendars}>
        {(items) => {
          const built = items[0];
          const current = items.find((c) => c.key === shown) ?? built;
          return (
            <>
              <div className="row row--between">
                <p className="soft">{t("hours.intro")}</p>
                {mayEdit && built && (
                  <Button type="primary" onClick={() => copy(built)}>
                    {t("hours.add")}
                  </Button>
                )}
              </div>
              <Panel flush>
                <ul className="records">
                  {items.map((calendar) => {
                    const title = say({
                      zh: calendar.name || calendar.key,
                      en: calendar.name_en || calendar.name || calendar.key,
                    });
                    return (
                      <li key={calendar.key} className="record">
                        <span>
                          <span className="record__title">{title}</span>
                          <span className="record__meta num">
                            <span>{week(calendar)}</span>
                            <span>{calendar.zone}</span>
                            {calendar.base && calendar.version > 0 && <span>{t("hours.with_public")}</span>}
                            {!calendar.follows_make_up_days && <span>{t("hours.without_make_up")}</span>}
                          </span>
                        </span>
                        <span className="record__side">
                          <span className="row">
                            {calendar.version === 0 && (
                              <Badge colour={colour.teal700}>{t("hours.built_in")}</Badge>
                            )}
                            <Button
                              size="small"
                              aria-pressed={calendar.key === current?.key}
                              onClick={() => setShown(calendar.key)}
                            >
                              {t("hours.show_year")}
                            </Button>
                            {mayEdit &&
                              (calendar.version === 0 ? (
                                <Button size="small" onClick={() => copy(calendar)}>
                                  {t("hours.copy")}
                                </Button>
                              ) : (
                                <>
                                  <Button size="small" onClick={() => setOpen({ what: "import", calendar })}>
                                    {t("hours.ics")}
                                  </Button>
                                  <Button size="small" onClick={() => setOpen({ what: "edit", calendar })}>
                                    {t("app.edit")}
                                  </Button>
                                </>
                              ))}
                          </span>
                        </span>
                      </li>
                    );
                  })}
                </ul>
              </Panel>
              {current && (
                <Panel
                  title={t("hours.year_of", {
                    name: say({
                      zh: current.name || current.key,
                      en: current.name_en || current.name || current.key,
                    }),
                  })}
                >
                  <YearView key={current.key} calendar={current.key} />
                </Panel>
              )}
            </>
          );
        }}
      </QueryView>
      <Drawer
        open={open !== null}
        title={
          open?.what === "import"
            ? t("hours.ics")
            : t(open?.calendar.version === undefined ? "hours.add" : "hours.edit")
        }
        onClose={() => setOpen(null)}
        size={Math.min(760, window.innerWidth)}
        destroyOnHidden
      >
        {open?.what === "edit" && <CalendarForm calendar={open.calendar} onDone={() => setOpen(null)} />}
        {open?.what === "import" && <IcsImport calendar={open.calendar.key} onDone={() => setOpen(null)} />}
      </Drawer>
    </div>
  );
}
