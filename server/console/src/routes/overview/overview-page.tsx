import { Link } from "@tanstack/react-router";
import { Alert } from "antd";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { useChannels, useOverview, useSourceGaps, useTasks, useUnusualTopics } from "../../api/hooks";
import type { Overview, QuadrantPoint, Task } from "../../api/types";
import { VerdictBadge } from "../../components/badges";
import { EmptyState, Page, Panel, QueryView } from "../../components/page";
import { useBilingual } from "../../lib/bilingual";
import { useFormat } from "../../lib/format";
import { useMay } from "../../lib/session";
import { naiveDirection, verdictStyle } from "../verification/verdict-card";
import { LoopBand } from "./loop-band";
import { QuadrantChart } from "./quadrant-chart";

function Figure(props: { label: string; value: string; note?: ReactNode; to?: string }) {
  const inner = (
    <>
      <span>{props.label}</span>
      <strong>{props.value}</strong>
      {props.note && <small className="faint">{props.note}</small>}
    </>
  );
  if (!props.to) return <div className="figure">{inner}</div>;
  return (
    <Link to={props.to} className="figure">
      {inner}
    </Link>
  );
}

function Figures(props: { overview: Overview }) {
  const { t } = useTranslation();
  const format = useFormat();
  const o = props.overview;
  return (
    <div className="figures">
      <Figure
        label={t("overview.contacts_today")}
        value={format.count(o.contacts_today)}
        note={format.day(o.day)}
      />
      <Figure label={t("overview.contacts")} value={format.count(o.contacts)} />
      <Figure
        label={t("overview.csat")}
        value={format.percent(o.csat)}
        note={t("overview.csat_rated", { n: format.count(o.rated) })}
      />
      <Figure label={t("overview.open_issues")} value={format.count(o.open_issues)} to="/issues" />
      <Figure
        label={t("overview.open_tasks")}
        value={format.count(o.open_tasks)}
        to="/tasks"
        note={
          o.overdue_tasks > 0 ? (
            <span className="danger">{t("overview.overdue", { n: o.overdue_tasks })}</span>
          ) : (
            t("overview.on_time")
          )
        }
      />
    </div>
  );
}

function FixNow(props: { points: readonly QuadrantPoint[] }) {
  const { t } = useTranslation();
  const format = useFormat();
  const say = useBilingual();
  // The server lists the worst first.
  const points = props.points.filter((point) => point.quadrant === "fix_now");
  if (points.length === 0) {
    return <EmptyState title={t("overview.fix_now_none")} next={t("overview.fix_now_none_next")} />;
  }
  return (
    <ol className="records">
      {points.map((point) => {
        const inner = (
          <>
            <span>
              <span className="record__title">{say(point.name)}</span>
              <span className="record__meta num">
                <span>{t("overview.per_week", { n: format.decimal(point.contacts_per_week, 0) })}</span>
                <span>
                  {t("quadrant.tip_impact")} {format.percent(point.impact)}
                </span>
              </span>
            </span>
            <span className="record__side">
              <span className="link">
                {t(point.issue_id ? "overview.fix_now_open" : "overview.fix_now_topic")}
              </span>
            </span>
          </>
        );
        return (
          <li key={point.topic}>
            {point.issue_id ? (
              <Link className="record" to="/issues/$id" params={{ id: point.issue_id }}>
                {inner}
              </Link>
            ) : (
              <Link className="record" to="/topics" search={{ topic: point.topic }}>
                {inner}
              </Link>
            )}
          </li>
        );
      })}
    </ol>
  );
}

/** The newest verdicts in full sentences: what the loop is for. */
function Verdicts(props: { tasks: readonly Task[] }) {
  const { t } = useTranslation();
  const say = useBilingual();
  const judged = props.tasks
    .flatMap((task) => (task.verification ? [{ task, verification: task.verification }] : []))
    .sort((a, b) => Date.parse(b.verification.computed_at) - Date.parse(a.verification.computed_at))
    .slice(0, 6);
  if (judged.length === 0) {
    return (
      <Panel title={t("overview.verdicts")}>
        <p className="soft">{t("overview.verdicts_none")}</p>
      </Panel>
    );
  }
  return (
    <section className="stack stack--tight">
      <div className="panel__head" style={{ margin: 0 }}>
        <h2>{t("overview.verdicts")}</h2>
        <Link to="/tasks">{t("app.more")}</Link>
      </div>
      <div className="verdicts">
        {judged.map(({ task, verification }) => (
          <Link
            key={task.id}
            to="/tasks/$id"
            params={{ id: task.id }}
            className="panel verdict verdict--compact plain"
            style={verdictStyle(verification.verdict)}
            data-verdict={verification.verdict}
          >
            <div className="row row--between">
              <strong>{task.title}</strong>
              <VerdictBadge verdict={verification.verdict} />
            </div>
            <p className="verdict__sentence">{say(verification.sentence)}</p>
            <p className="faint" style={{ marginTop: 6 }}>
              {t("verification.naive_says", {
                answer:
                  typeof verification.naive.difference !== "number"
                    ? t("verification.naive_none")
                    : t(`verification.naive_answer_${naiveDirection(verification)}`),
              })}
            </p>
          </Link>
        ))}
      </div>
    </section>
  );
}

function Start() {
  const { t } = useTranslation();
  return (
    <Panel>
      <div className="empty">
        <strong>{t("overview.empty")}</strong>
        <p>{t("overview.empty_next")}</p>
        <div className="starts">
          <Link to="/topics">
            <strong>{t("overview.empty_topics")}</strong>
            <span className="faint">{t("overview.empty_topics_text")}</span>
          </Link>
          <Link to="/import">
            <strong>{t("overview.empty_import")}</strong>
            <span className="faint">{t("overview.empty_import_text")}</span>
          </Link>
          <Link to="/settings/departments">
            <strong>{t("overview.empty_departments")}</strong>
            <span className="faint">{t("overview.empty_departments_text")}</span>
          </Link>
        </div>
      </div>
    </Panel>
  );
}

/** What was unusual yesterday: information beside the issues, no alarm. */
function Unusual() {
  const { t } = useTranslation();
  const format = useFormat();
  const say = useBilingual();
  const unusual = useUnusualTopics().data;
  if (!unusual || unusual.items.length === 0) return null;
  return (
    <Panel title={t("unusual.title", { day: format.day(unusual.day) })}>
      <ul className="records">
        {unusual.items.slice(0, 6).map((item) => (
          <li key={`${item.topic} ${item.what}`}>
            <Link className="record" to="/topics" search={{ topic: item.topic }}>
              <span>
                <span className="record__title">{say(item.name)}</span>
                <span className="record__meta num">
                  {t(item.what === "satisfaction" ? "unusual.satisfaction" : "unusual.contacts", {
                    count: format.count(item.count),
                    expected: format.decimal(item.expected, 0),
                  })}
                </span>
              </span>
            </Link>
          </li>
        ))}
      </ul>
      <p className="faint">{t("unusual.text")}</p>
    </Panel>
  );
}

/** Channels that are silent now: what they send is missing in every figure. */
function Silent() {
  const { t } = useTranslation();
  const format = useFormat();
  const channels = useChannels().data;
  const gaps = (useSourceGaps().data ?? []).filter((gap) => gap.to === null);
  if (gaps.length === 0) return null;
  return (
    <Alert
      type="warning"
      showIcon
      title={t("sources.silent_now", {
        channels: gaps
          .map(
            (gap) =>
              `${channels?.find((c) => c.key === gap.channel)?.name || gap.channel} (${format.dayShort(gap.from)})`,
          )
          .join(t("app.comma")),
      })}
      action={<Link to="/settings/calendar">{t("sources.see")}</Link>}
    />
  );
}

/** Gaps that make the figures above smaller than the truth, each with what closes it. */
function Gaps(props: { overview: Overview }) {
  const { t } = useTranslation();
  const format = useFormat();
  const { undated } = props.overview;
  const unexplained_share = props.overview.unexplained_share ?? 0;
  if (unexplained_share < 0.02 && undated === 0) return null;
  return (
    <div className="stack stack--tight">
      {unexplained_share >= 0.02 && (
        <Alert
          type="info"
          title={t("overview.unexplained", { share: format.percent(unexplained_share, 0) })}
          action={<Link to="/topics">{t("overview.unexplained_next")}</Link>}
        />
      )}
      {undated > 0 && (
        <Alert
          type="info"
          title={t("overview.undated", { n: format.count(undated) })}
          action={<Link to="/import">{t("overview.undated_next")}</Link>}
        />
      )}
    </div>
  );
}

function LatestVerdicts() {
  // Only these states can carry a verdict.
  const tasks = useTasks({ state: "verifying,verified,not_verified,in_progress" });
  return <QueryView query={tasks}>{(list) => <Verdicts tasks={list} />}</QueryView>;
}

export function OverviewPage() {
  const { t } = useTranslation();
  const overview = useOverview();
  const seesTasks = useMay("read_tasks");
  return (
    <Page title={t("overview.title")}>
      <QueryView query={overview}>
        {(data) => (
          <div className="stack">
            <LoopBand overview={data} />
            {data.loop.collected === 0 && data.contacts === 0 && data.undated === 0 ? (
              <Start />
            ) : (
              <>
                <Figures overview={data} />
                <div className="columns">
                  <Panel title={t("overview.quadrant")}>
                    <QuadrantChart quadrants={data.quadrant} />
                  </Panel>
                  <div className="stack">
                    <Panel title={t("overview.fix_now")}>
                      <FixNow points={data.quadrant.points} />
                    </Panel>
                    <Unusual />
                    <Silent />
                    <Gaps overview={data} />
                  </div>
                </div>
                {seesTasks && <LatestVerdicts />}
              </>
            )}
          </div>
        )}
      </QueryView>
    </Page>
  );
}
