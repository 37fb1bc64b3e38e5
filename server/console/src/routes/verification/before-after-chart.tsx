import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { useCalendarNotes, useDailyFacts, useSourceGaps } from "../../api/hooks";
import type { Task, Verification } from "../../api/types";
import { Chart } from "../../components/chart";
import { Panel, QueryView } from "../../components/page";
import { word } from "../../i18n";
import { addDays, useFormat } from "../../lib/format";
import { factOf, weighted } from "../../lib/metric";
import { useNarrow } from "../../lib/use-narrow";
import { beforeAfterOption, daysBetween, guardWindow, quietWindow } from "./before-after-option";

/** The days on which the verdict rests, as they were. */
export function BeforeAfterChart(props: { task: Task; verification: Verification }) {
  const { t } = useTranslation();
  const format = useFormat();
  const narrow = useNarrow();
  const { task, verification } = props;
  const effectiveDay = verification.effective_day;
  const guard = guardWindow(task.contract, effectiveDay);
  // The usual days stand on the chart even where they did not decide: without them a recovery looks like a rise.
  const usual = guard ? quietWindow(guard, task.contract.baseline_days) : null;
  const candidates = [verification.before.from, usual?.from, addDays(effectiveDay, -28)];
  const from = candidates.filter((day) => typeof day === "string").sort()[0] ?? effectiveDay;
  const to = verification.after.to ?? addDays(effectiveDay, 7);
  const facts = useDailyFacts({
    metric: factOf(verification.metric),
    from,
    to,
    topic: task.contract.watched_topic ?? task.contract.topic,
  });
  // Days that need a word; the chart does without where they cannot be read.
  const notes = useCalendarNotes().data ?? [];
  const silent = useSourceGaps().data ?? [];
  const { channels } = task.contract;
  // Only channels by which this topic's answers come; results of an earlier version do not say which.
  const gaps = (verification.gaps ?? silent)
    .filter((gap) => channels.length === 0 || channels.includes(gap.channel))
    .map((gap) => ({ ...gap, to: gap.to ?? to, what: gap.channel }))
    .filter((gap) => gap.to >= from && gap.from <= to);
  const events = notes
    .filter((note) => note.kind === "event" && note.from >= from && note.from <= to)
    .map((note) => ({ day: note.from, text: note.name }));
  const closedDays = notes
    .filter((note) => note.kind === "holiday" && note.to >= from && note.from <= to)
    .flatMap((note) => daysBetween(note.from < from ? from : note.from, note.to > to ? to : note.to));
  const words = useMemo(
    () => ({
      metric: word("metric", verification.metric),
      weekly: t("chart.weekly"),
      baseline: t("chart.baseline"),
      guard: t("chart.guard"),
      after: t("chart.after"),
      usual: t("chart.usual"),
      meanUsual: (value: string) => t("chart.mean_usual", { value }),
      fix: t(narrow ? "chart.fix_short" : "chart.fix"),
      meanBefore: (value: string) => t("chart.mean_before", { value }),
      meanAfter: (value: string) => t("chart.mean_after", { value }),
      answers: (n: string) => `${n} ${word("metric_answers", verification.metric)}`,
      alarm: t("chart.alarm"),
      closed: t("chart.closed"),
      gap: (what: string) => t("chart.gap", { what }),
    }),
    [t, verification.metric, narrow],
  );
  return (
    <Panel title={t("verification.chart")}>
      <QueryView query={facts}>
        {(rows) => (
          <>
            <Chart
              height={320}
              label={`${t("verification.chart")}: ${format.day(from)} – ${format.day(to)}`}
              option={beforeAfterOption({
                rows,
                window: { from, to },
                verification,
                effectiveDay,
                guard,
                usual: verification.baseline_rule === "acute" ? usual : null,
                format,
                words,
                marks: {
                  alarmDay: task.contract.alarm_day ?? null,
                  closedDays,
                  gaps,
                  annotations: events,
                },
                narrow,
              })}
            />
            {weighted(verification.metric) && <p className="legend">{t("chart.hint")}</p>}
          </>
        )}
      </QueryView>
    </Panel>
  );
}
