import { Button, DatePicker, Select } from "antd";
import dayjs from "dayjs";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { Backtest } from "../../api/evidence";
import { type DetectorDraft, useBacktest } from "../../api/hooks";
import { Chart } from "../../components/chart";
import { Panel } from "../../components/page";
import { ProblemAlert } from "../../components/problem-alert";
import { useBilingual } from "../../lib/bilingual";
import { addDays, dayIn, useFormat } from "../../lib/format";
import { useSubjectName } from "../../lib/subject-names";
import { backtestOption } from "./backtest-option";

/** Signals listed before the rest is asked for. */
const FIRST = 12;

function Found(props: {
  backtest: Backtest;
  from: string;
  to: string;
  onSubject: (subject: string) => void;
}) {
  const { t } = useTranslation();
  const format = useFormat();
  const say = useBilingual();
  const subjectName = useSubjectName();
  const { backtest, from, to } = props;
  const [all, setAll] = useState(false);
  const newest = [...backtest.signals].sort((a, b) => b.day.localeCompare(a.day));
  const shown = all ? newest : newest.slice(0, FIRST);
  const subjects = new Map(
    backtest.signals.map((signal) => {
      const subject = signal.subject ?? { kind: "topic", key: signal.topic ?? "" };
      return [subject.key, subjectName(subject)];
    }),
  );
  if (backtest.series) subjects.set(backtest.series.key, subjectName(backtest.series));
  // Where the rule looks at a share, its line is one as well: the day would have rung at it or below.
  const shares = (backtest.days ?? []).some((day) => typeof day.level === "number");
  const weeks = (Date.parse(to) - Date.parse(from)) / 86_400_000 / 7 + 1 / 7;
  return (
    <div className="stack" style={{ marginTop: 14 }}>
      <p className="backtest__says" role="status">
        {backtest.signals.length === 0
          ? t("backtest.none", { from: format.dayShort(from), to: format.dayShort(to) })
          : t("backtest.some", {
              signals: format.count(backtest.signals.length),
              issues: format.count(backtest.issues),
              mails: typeof backtest.mails === "number" ? format.count(backtest.mails) : "–",
            })}
        {backtest.signals.length > 0 && (
          <small className="faint block">
            {t("backtest.pace", { n: format.decimal(backtest.signals.length / weeks, 1) })}
          </small>
        )}
      </p>
      {(backtest.notes ?? []).map((note) => (
        <p key={note.en} className="flagged soft">
          {say(note)}
        </p>
      ))}
      {(backtest.days ?? []).length > 0 && (
        <>
          {backtest.series && (
            <div className="row">
              <label htmlFor="backtest-subject" className="faint">
                {t("backtest.shown")}
              </label>
              <Select
                id="backtest-subject"
                value={backtest.series.key}
                onChange={props.onSubject}
                style={{ minWidth: 180 }}
                options={[...subjects].map(([value, label]) => ({ value, label }))}
              />
            </div>
          )}
          <Chart
            height={260}
            label={t("backtest.label", {
              from: format.day(from),
              to: format.day(to),
              n: backtest.signals.length,
            })}
            option={backtestOption({
              backtest,
              from,
              to,
              format,
              words: {
                count: t("backtest.count"),
                limit: t(shares ? "backtest.limit_share" : "backtest.limit"),
                baseline: t("backtest.baseline"),
                level: t("backtest.level"),
                signal: t("backtest.signal"),
                signals: (n) => t("backtest.day_signals", { n }),
                note: say,
              },
            })}
          />
          <p className="legend">
            <span>{t("backtest.legend_bars")}</span>
            <span>{t(shares ? "backtest.legend_lines_share" : "backtest.legend_lines")}</span>
            {(backtest.days ?? []).some((day) => day.note) && <span>{t("backtest.legend_notes")}</span>}
          </p>
        </>
      )}
      {shown.length > 0 && (
        <div className="scroll-x">
          <table className="table">
            <thead>
              <tr>
                <th scope="col">{t("backtest.day")}</th>
                <th scope="col">{t("backtest.subject")}</th>
                <th scope="col" className="right">
                  {t("backtest.count")}
                </th>
                <th scope="col">{t("backtest.why")}</th>
              </tr>
            </thead>
            <tbody>
              {shown.map((signal) => {
                const subject = subjectName(signal.subject ?? { kind: "topic", key: signal.topic ?? "" });
                return (
                  <tr key={`${signal.day} ${subject}`}>
                    <td className="num nowrap">{format.day(signal.day)}</td>
                    <td>
                      {subject}
                      {signal.information && (
                        <small className="faint block">{t("detectors.information")}</small>
                      )}
                    </td>
                    <td className="right">
                      {format.count(signal.count)}
                      {typeof signal.customers === "number" && (
                        <small className="faint block">
                          {signal.anonymous
                            ? t("backtest.customers_known", {
                                n: format.count(signal.customers - signal.anonymous),
                                anonymous: format.count(signal.anonymous),
                              })
                            : t("backtest.customers", { n: format.count(signal.customers) })}
                        </small>
                      )}
                    </td>
                    <td className="soft">
                      {signal.explanation
                        ? say(signal.explanation)
                        : t("backtest.plain", {
                            count: format.count(signal.count),
                            limit: format.count(signal.limit),
                          })}
                    </td>
                  </tr>
                );
              })}
            </tbody>
          </table>
        </div>
      )}
      {newest.length > shown.length && (
        <Button onClick={() => setAll(true)}>
          {t("backtest.show_all", { n: format.count(newest.length) })}
        </Button>
      )}
    </div>
  );
}

/** Runs the rule as it stands in the form over what was stored: nothing is raised, nothing is sent. */
export function BacktestPanel(props: { draft: () => Promise<DetectorDraft | null> }) {
  const { t } = useTranslation();
  const format = useFormat();
  const backtest = useBacktest();
  const today = dayIn(new Date(), format.zone);
  // The running day looks like a fall: only whole days unless somebody picks it.
  const yesterday = addDays(today, -1);
  const [span, setSpan] = useState({ from: addDays(yesterday, -55), to: yesterday });
  const [ran, setRan] = useState(span);

  async function run(days: typeof span, subject?: string) {
    const detector = await props.draft();
    if (!detector) return;
    setRan(days);
    backtest.mutate({ detector, ...days, ...(subject && { subject }) });
  }

  return (
    <Panel title={t("backtest.title")}>
      <p className="soft">{t("backtest.intro")}</p>
      <div className="row" style={{ marginTop: 10 }}>
        <DatePicker.RangePicker
          aria-label={t("backtest.span")}
          allowClear={false}
          value={[dayjs(span.from), dayjs(span.to)]}
          maxDate={dayjs(today)}
          presets={[28, 56, 120, 365].map((days) => ({
            label: t("backtest.last_days", { n: days }),
            value: [dayjs(addDays(yesterday, 1 - days)), dayjs(yesterday)],
          }))}
          onChange={(range) => {
            const [from, to] = range ?? [];
            if (from && to) setSpan({ from: from.format("YYYY-MM-DD"), to: to.format("YYYY-MM-DD") });
          }}
        />
        <Button type="primary" ghost loading={backtest.isPending} onClick={() => run(span)}>
          {t("backtest.run")}
        </Button>
      </div>
      <div style={{ marginTop: 10 }}>
        <ProblemAlert error={backtest.error} />
      </div>
      {backtest.data && (
        <Found
          backtest={backtest.data}
          from={ran.from}
          to={ran.to}
          onSubject={(subject) => run(ran, subject)}
        />
      )}
    </Panel>
  );
}
