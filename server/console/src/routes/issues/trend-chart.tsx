import { useTranslation } from "react-i18next";
import { useCalendarNotes, useDailyFacts, useTopics } from "../../api/hooks";
import { Chart } from "../../components/chart";
import { Panel, QueryView } from "../../components/page";
import { addDays, dayIn, useFormat } from "../../lib/format";
import { noted, trendOption } from "./trend-option";

const DAYS = 56;

export function TrendChart(props: { topic: string }) {
  const { t } = useTranslation();
  const format = useFormat();
  const to = dayIn(new Date(), format.zone);
  const from = addDays(to, 1 - DAYS);
  const contacts = useDailyFacts({ metric: "contacts", from, to, topic: props.topic });
  const csat = useDailyFacts({ metric: "csat", from, to, topic: props.topic });
  const notes = noted(useCalendarNotes().data ?? [], props.topic, useTopics().data ?? [], from, to);
  return (
    <Panel title={t("issue.trend")}>
      <QueryView query={contacts}>
        {(rows) =>
          rows.length === 0 ? (
            <p className="soft">{t("issue.trend_none")}</p>
          ) : (
            <Chart
              height={240}
              label={`${t("issue.trend")}: ${t("issue.trend_contacts")}, ${t("issue.trend_csat")}`}
              option={trendOption({
                contacts: rows,
                csat: csat.data ?? [],
                from,
                to,
                notes,
                format,
                words: {
                  contacts: t("issue.trend_contacts"),
                  csat: `${t("issue.trend_csat")} (${t("chart.weekly")})`,
                  rated: (n) => t("chart.rated", { n }),
                },
              })}
            />
          )
        }
      </QueryView>
      {notes.length > 0 && (
        <p className="faint">
          {t("issue.noted")}{" "}
          {notes
            .map((note) => `${note.name} (${format.day(note.from)} – ${format.day(note.to)})`)
            .join(" · ")}
        </p>
      )}
    </Panel>
  );
}
