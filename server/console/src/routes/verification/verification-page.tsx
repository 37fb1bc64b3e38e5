import { Link, useParams } from "@tanstack/react-router";
import { App, Button } from "antd";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import type { GuardResult } from "../../api/evidence";
import { useTask, useTaskAction, useTaskVerification } from "../../api/hooks";
import type { Task, Verification } from "../../api/types";
import { Badge, TaskStateBadge, VerdictBadge } from "../../components/badges";
import { EmptyState, Page, Panel, QueryView } from "../../components/page";
import { ProblemAlert } from "../../components/problem-alert";
import { word } from "../../i18n";
import { useBilingual } from "../../lib/bilingual";
import { useFormat } from "../../lib/format";
import { useTaskIssueName } from "../../lib/issue-name";
import { change, level } from "../../lib/metric";
import { useMay } from "../../lib/session";
import { colour, verdictColour } from "../../styles/tokens";
import { BeforeAfterChart } from "./before-after-chart";
import { Comparison } from "./comparison";
import { LooksChart } from "./looks-chart";
import { SavingsCard } from "./savings-card";
import { FlagList, MethodFold, MissingList, VerdictHead, Versus, verdictStyle } from "./verdict-card";

function Guards(props: { guards: readonly GuardResult[]; compared: boolean }) {
  const { t } = useTranslation();
  const format = useFormat();
  // Contacts are counted against those of the other topics wherever there are such.
  const perThousand = (guard: GuardResult) => props.compared && guard.metric === "volume";
  const show = (guard: GuardResult, value: number | null) =>
    perThousand(guard) && value !== null
      ? format.decimal(value * 1000, 0)
      : level(format, guard.metric, value);
  return (
    <Panel title={t("evidence.guards")}>
      <p className="soft">{t("evidence.guards_text")}</p>
      {props.guards.length === 0 ? (
        <p className="faint">{t("evidence.guards_none")}</p>
      ) : (
        <div className="scroll-x">
          <table className="table">
            <thead>
              <tr>
                <th scope="col">{t("evidence.guard_metric")}</th>
                <th scope="col" className="right">
                  {t("evidence.guard_levels")}
                </th>
                <th scope="col" className="right">
                  {t("verification.effect")}
                </th>
                <th scope="col">{t("evidence.guard_state")}</th>
              </tr>
            </thead>
            <tbody>
              {props.guards.map((guard) => (
                <tr key={guard.metric}>
                  <td>
                    {word("metric", guard.metric)}
                    <small className="faint block">
                      {t("evidence.guard_limit", {
                        limit: change(format, guard.metric, guard.limit).replace(/^\+/, ""),
                      })}
                    </small>
                  </td>
                  <td className="right">
                    {show(guard, guard.before)} → {show(guard, guard.after)}
                    {perThousand(guard) && (
                      <small className="faint block">{t("evidence.per_thousand")}</small>
                    )}
                  </td>
                  <td className="right">
                    {guard.effect ? (
                      <>
                        {change(format, guard.metric, guard.effect.value)}
                        <small className="faint block">
                          {change(format, guard.metric, guard.effect.low)} –{" "}
                          {change(format, guard.metric, guard.effect.high)}
                        </small>
                      </>
                    ) : (
                      "–"
                    )}
                  </td>
                  <td>
                    {guard.worse ? (
                      <Badge colour={verdictColour.worse}>{t("evidence.guard_worse")}</Badge>
                    ) : guard.effect ? (
                      <Badge colour={verdictColour.improved}>{t("evidence.guard_held")}</Badge>
                    ) : (
                      <Badge colour={colour.inkFaint}>{t("evidence.guard_unknown")}</Badge>
                    )}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Panel>
  );
}

/** Topics beside this one that rose since the fix: perhaps the trouble only moved. */
function Displacement(props: { verification: Verification }) {
  const { t } = useTranslation();
  const format = useFormat();
  const say = useBilingual();
  const items = props.verification.displacement ?? [];
  return (
    <Panel title={t("evidence.displacement")}>
      {items.length === 0 ? (
        <p className="soft">{t("evidence.displacement_none")}</p>
      ) : (
        <>
          <p className="flagged soft">{t("evidence.displacement_text")}</p>
          <ul className="records">
            {items.map((item) => (
              <li key={item.topic.zh} className="record">
                <span>
                  <span className="record__title">{say(item.topic)}</span>
                  <span className="record__meta num">
                    {t("evidence.displacement_row", {
                      before: format.decimal(item.before, 1),
                      after: format.decimal(item.after, 1),
                    })}
                  </span>
                </span>
                <span className="record__side num">
                  {format.change(item.effect.value)}
                  <small className="faint">
                    {t("verification.range", {
                      low: format.change(item.effect.low),
                      high: format.change(item.effect.high),
                    })}
                  </small>
                </span>
              </li>
            ))}
          </ul>
        </>
      )}
    </Panel>
  );
}

/** What else the numbers might mean. */
function Checks(props: { verification: Verification }) {
  const { t } = useTranslation();
  const format = useFormat();
  const say = useBilingual();
  const v = props.verification;
  const { trend, tipping_point: tipping, heterogeneity } = v;
  const items: Array<{ key: string; name: string; alert: boolean; text: ReactNode }> = [];
  if (trend) {
    items.push({
      key: "trend",
      name: t("evidence.trend"),
      alert: trend.significant,
      text: t(trend.significant ? "evidence.trend_significant" : "evidence.trend_none", {
        slope: change(format, v.metric, trend.slope_per_week, 2),
        weeks: trend.weeks,
      }),
    });
  }
  if (tipping) {
    items.push({
      key: "tipping",
      name: t("evidence.tipping"),
      alert: tipping.can_erase,
      text: say(tipping.sentence),
    });
  }
  if (heterogeneity && heterogeneity.channels.length > 1) {
    items.push({
      key: "channels",
      name: t("evidence.channels"),
      alert: heterogeneity.differs,
      text: (
        <>
          {t(
            heterogeneity.p_value === null
              ? "evidence.channels_untested"
              : heterogeneity.differs
                ? "evidence.channels_differ"
                : "evidence.channels_same",
          )}
          <span className="chips num">
            {heterogeneity.channels.map((channel) => (
              <span key={channel.channel} className="chip">
                {channel.channel} {change(format, v.metric, channel.value)}
                <small>
                  {format.count(channel.n_before)} → {format.count(channel.n_after)}
                </small>
              </span>
            ))}
          </span>
        </>
      ),
    });
  }
  if (items.length === 0 && v.guards.length === 0) return null;
  return (
    <Panel title={t("evidence.checks")}>
      <div className="stack stack--tight">
        {v.guards.length > 0 && <FlagList verification={v} />}
        {items.length > 0 && (
          <dl className="checks">
            {items.map((item) => (
              <div key={item.key} className={item.alert ? "flagged" : ""}>
                <dt>{item.name}</dt>
                <dd>{item.text}</dd>
              </div>
            ))}
          </dl>
        )}
      </div>
    </Panel>
  );
}

/** All verdicts so far: late data makes it be computed again, and what was said before stays readable. */
function History(props: { verification: Verification }) {
  const { t } = useTranslation();
  const format = useFormat();
  const said = useBilingual();
  const past = [...props.verification.history].sort(
    (a, b) => Date.parse(b.computed_at) - Date.parse(a.computed_at),
  );
  return (
    <Panel title={t("verification.history")}>
      {past.length === 0 ? (
        <p className="faint">{t("evidence.history_none")}</p>
      ) : (
        <ol className="timeline">
          {past.map((entry, index) => (
            <li key={entry.computed_at}>
              <div className="row row--between">
                <VerdictBadge verdict={entry.verdict} />
                <time dateTime={entry.computed_at}>{format.dateTime(entry.computed_at)}</time>
              </div>
              {entry.sentence && <p className="soft">{said(entry.sentence)}</p>}
              {entry.occasion && <p className="faint">{word("occasion", entry.occasion)}</p>}
              {index === 0 && <p className="faint">{t("evidence.history_now")}</p>}
            </li>
          ))}
        </ol>
      )}
      <p className="faint">{t("evidence.history_text")}</p>
    </Panel>
  );
}

function Together(props: { task: Task; verification: Verification }) {
  const { t } = useTranslation();
  const format = useFormat();
  const { task, verification: v } = props;
  const members = v.set ?? [];
  return (
    <Panel title={t("evidence.together")}>
      <p className="flagged soft">{t("evidence.together_text")}</p>
      <ul className="stack stack--tight" style={{ marginTop: 8 }}>
        {members.length > 0
          ? members.map((member) => (
              <li key={member.task_id}>
                {member.task_id === task.id ? (
                  <strong>{member.title}</strong>
                ) : (
                  <Link to="/tasks/$id" params={{ id: member.task_id }}>
                    {member.title}
                  </Link>
                )}
                <small className="faint block">
                  {t("evidence.together_day", { day: format.day(member.effective_day) })}
                  {member.first && t("evidence.together_first")}
                </small>
              </li>
            ))
          : v.together_with.map((id) => (
              <li key={id}>
                <Link to="/tasks/$id" params={{ id }}>
                  {id}
                </Link>
              </li>
            ))}
      </ul>
    </Panel>
  );
}

function EvidenceView(props: { task: Task; verification: Verification }) {
  const { t } = useTranslation();
  const { message } = App.useApp();
  const { task, verification: v } = props;
  const runs = useMay("run_loop");
  const act = useTaskAction(task.id, task.version);
  return (
    <div className="stack">
      <ProblemAlert error={act.error} />
      <section className="panel verdict" style={verdictStyle(v.verdict)} data-verdict={v.verdict}>
        <VerdictHead
          verification={v}
          large
          actions={
            runs && (
              <Button
                loading={act.isPending}
                onClick={async () => {
                  try {
                    await act.mutateAsync({ verb: "evaluate" });
                    message.success(t("task.evaluated"));
                  } catch {
                    // Shown above.
                  }
                }}
              >
                {t("task.evaluate")}
              </Button>
            )
          }
        />
        {v.missing.length > 0 && (
          <div className="stack stack--tight" style={{ marginBottom: 14 }}>
            <strong>{t("verification.missing")}</strong>
            <MissingList verification={v} />
          </div>
        )}
        <Versus verification={v} />
      </section>
      <Comparison task={task} verification={v} />
      <LooksChart task={task} verification={v} />
      {(task.contract.subject?.kind ?? "topic") === "topic" && (
        <BeforeAfterChart task={task} verification={v} />
      )}
      <div className="columns">
        <div className="stack">
          <Checks verification={v} />
          <Guards guards={v.guard_metrics ?? []} compared={v.control.kind !== "none"} />
        </div>
        <div className="stack">
          <Displacement verification={v} />
          {v.together_with.length > 0 && <Together task={task} verification={v} />}
          <History verification={v} />
        </div>
      </div>
      <SavingsCard taskId={task.id} savings={v.savings} />
      <Panel>
        <MethodFold verification={v} />
      </Panel>
    </div>
  );
}

function Loaded(props: { task: Task }) {
  const { t } = useTranslation();
  const { task } = props;
  const issueName = useTaskIssueName(task);
  const verification = useTaskVerification(task.id, task.verification !== null);
  return (
    <Page
      title={t("evidence.title", { task: task.title })}
      crumb={{ to: `/tasks/${task.id}`, label: t("evidence.back") }}
      intro={
        <span className="row">
          <TaskStateBadge state={task.state} />
          <Link to="/issues/$id" params={{ id: task.issue_id }}>
            {t("task.issue", { title: issueName })}
          </Link>
        </span>
      }
    >
      {task.verification === null ? (
        <Panel>
          <EmptyState title={t("verification.none")} next={t("verification.none_done")} />
        </Panel>
      ) : (
        <QueryView query={verification}>{(v) => <EvidenceView task={task} verification={v} />}</QueryView>
      )}
    </Page>
  );
}

export function VerificationPage() {
  const { id } = useParams({ from: "/shell/tasks/$id/verification" });
  const task = useTask(id);
  return <QueryView query={task}>{(data) => <Loaded task={data} />}</QueryView>;
}
