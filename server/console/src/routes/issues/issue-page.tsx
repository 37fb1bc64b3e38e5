import { Link, useParams } from "@tanstack/react-router";
import { Button } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useDepartments, useIssue } from "../../api/hooks";
import type { Issue } from "../../api/types";
import { Badge, IssueStateBadge, QuadrantBadge, TaskStateBadge } from "../../components/badges";
import { Page, Panel, QueryView } from "../../components/page";
import { Timeline } from "../../components/timeline";
import { word } from "../../i18n";
import { useBilingual } from "../../lib/bilingual";
import { useFormat } from "../../lib/format";
import { useIssueName } from "../../lib/issue-name";
import { useMay } from "../../lib/session";
import { colour } from "../../styles/tokens";
import { Evidence } from "../verification/evidence";
import { AssignDrawer } from "./assign-drawer";
import { HoldBanner, HoldDialog, type HoldKind, ReopenDialog } from "./hold-dialogs";
import { HypothesesPanel } from "./hypotheses-panel";
import { KindBadge, KindDialog, OutcomePanel } from "./kind-panel";
import { MergeDialog, MergedBanner, MergedList } from "./merge-dialog";
import { QuadrantPanel } from "./quadrant-decision";
import { RoutePanel } from "./route-panel";
import { PartsList, SplitBanner, SplitDialog } from "./split-dialog";
import { TrendChart } from "./trend-chart";

const WHY = {
  problem: "issue.why",
  opportunity: "kind.why_opportunity",
  churn_risk: "kind.why_churn_risk",
} as const;
const BASIS = {
  ratings: "issue.basis_ratings",
  sentiment: "issue.basis_sentiment",
  demand: "kind.basis_demand",
} as const;

function Why(props: { issue: Issue }) {
  const { t } = useTranslation();
  const format = useFormat();
  const say = useBilingual();
  const { signals } = props.issue;
  return (
    <Panel title={t(WHY[props.issue.kind ?? "problem"])}>
      <div className="stack">
        {signals.length === 0 ? (
          <p className="faint">{t("issue.no_signals")}</p>
        ) : (
          <ul className="stack stack--tight">
            {signals.map((signal) => (
              <li key={signal.id} className={signal.withdrawn_at ? "signal signal--withdrawn" : "signal"}>
                {signal.withdrawn_at && (
                  <Badge colour={colour.inkFaint}>
                    {t("issue.signal_withdrawn", { at: format.dateTime(signal.withdrawn_at) })}
                  </Badge>
                )}
                <strong>{say(signal.explanation)}</strong>
                <p className="faint num">{t("issue.signal_at", { at: format.dateTime(signal.fired_at) })}</p>
              </li>
            ))}
          </ul>
        )}
        {props.issue.topic !== "" && <OfTopic issue={props.issue} />}
      </div>
    </Panel>
  );
}

/** How often and how bad: figures of a topic, which a channel or an agent has none of. */
function OfTopic(props: { issue: Issue }) {
  const { t } = useTranslation();
  const format = useFormat();
  const say = useBilingual();
  const { frequency, impact, contacts_since_open } = props.issue;
  return (
    <>
      <dl className="facts">
        <div>
          <dt>{t("issue.frequency")}</dt>
          <dd>
            {t("issue.frequency_text", {
              week: format.decimal(frequency.contacts_per_week, 0),
              per: format.decimal(frequency.per_1000, 1),
            })}
            <small>{t("issue.frequency_line", { line: format.decimal(frequency.line, 1) })}</small>
          </dd>
        </div>
        <div>
          <dt>
            {t("issue.impact")} ({t(BASIS[impact.basis])})
          </dt>
          <dd>
            {t("issue.impact_text", {
              value: format.percent(impact.value),
              low: format.percent(impact.low),
              high: format.percent(impact.high),
            })}
            <small>{t("issue.impact_line", { line: format.percent(impact.line) })}</small>
          </dd>
        </div>
        <div>
          <dt>{t("issue.since_open")}</dt>
          <dd>{format.count(contacts_since_open)}</dd>
        </div>
        {typeof impact.negative_share === "number" && (
          <div>
            <dt>{t("issue.negative_share")}</dt>
            <dd>{format.percent(impact.negative_share)}</dd>
          </div>
        )}
        {impact.basis !== "demand" && (
          <>
            <div>
              <dt>{t("issue.risk_share")}</dt>
              <dd>{format.percent(impact.risk_share)}</dd>
            </div>
            <div>
              <dt>{t("issue.handling")}</dt>
              <dd>{t("issue.handling_text", { n: format.count(impact.handling_minutes) })}</dd>
            </div>
          </>
        )}
        {typeof impact.money?.total_cents_per_month === "number" && (
          <div>
            <dt>{t("quadrant.money_month")}</dt>
            <dd>
              {format.money(impact.money.total_cents_per_month)}
              <small>{t("quadrant.money_note")}</small>
            </dd>
          </div>
        )}
        {impact.compensation_cents > 0 && (
          <div>
            <dt>{t("issue.compensation")}</dt>
            <dd>{format.money(impact.compensation_cents)}</dd>
          </div>
        )}
      </dl>
      <p className="soft">{say(impact.explanation)}</p>
    </>
  );
}

function Voices(props: { issue: Issue }) {
  const { t } = useTranslation();
  const format = useFormat();
  const { evidence } = props.issue;
  const seesVoices = useMay("read_feedback");
  return (
    <Panel title={t("issue.voices")}>
      {evidence.length === 0 ? (
        <p className="soft">{t(seesVoices ? "issue.voices_none" : "issue.voices_hidden")}</p>
      ) : (
        <ul className="stack stack--tight">
          {evidence.map((quote) => (
            <li key={quote.feedback_id} className="voice">
              <blockquote>{quote.text}</blockquote>
              <footer>
                <span>{quote.channel}</span>
                {quote.occurred_at && (
                  <time dateTime={quote.occurred_at}>{format.day(quote.occurred_at)}</time>
                )}
                {typeof quote.rating === "number" && (
                  <span>{t("issue.rating", { rating: quote.rating })}</span>
                )}
              </footer>
            </li>
          ))}
        </ul>
      )}
    </Panel>
  );
}

function Similar(props: { issue: Issue }) {
  const { t } = useTranslation();
  const { similar_solutions } = props.issue;
  return (
    <Panel title={t("issue.similar")}>
      {similar_solutions.length === 0 ? (
        <p className="soft">{t("issue.similar_none")}</p>
      ) : (
        <ul className="stack">
          {similar_solutions.map((solution) => (
            <li key={solution.article_id} className="stack stack--tight">
              <Link to="/knowledge/$id" params={{ id: solution.article_id }}>
                {solution.title}
              </Link>
              <p className="soft">{solution.excerpt}</p>
              <Evidence evidence={solution.evidence} />
            </li>
          ))}
        </ul>
      )}
    </Panel>
  );
}

function Tasks(props: { issue: Issue; onAssign: (() => void) | null }) {
  const { t } = useTranslation();
  const departments = useDepartments().data;
  const departmentName = (key: string) => departments?.find((d) => d.key === key)?.name || key;
  const format = useFormat();
  const { tasks } = props.issue;
  return (
    <Panel title={t("issue.tasks")}>
      {tasks.length === 0 ? (
        <div className="row row--between">
          <span className="soft">{t("issue.tasks_none")}</span>
          {props.onAssign && <Button onClick={props.onAssign}>{t("issue.assign")}</Button>}
        </div>
      ) : (
        <ul className="records">
          {tasks.map((task) => (
            <li key={task.id}>
              <Link className="record" to="/tasks/$id" params={{ id: task.id }}>
                <span>
                  <span className="record__title">{task.title}</span>
                  <span className="record__meta">
                    <span>{departmentName(task.department)}</span>
                    <span>{task.owner}</span>
                    <span>{t("tasks.due", { at: format.dateTime(task.due_at) })}</span>
                  </span>
                </span>
                <span className="record__side">
                  <TaskStateBadge state={task.state} />
                </span>
              </Link>
            </li>
          ))}
        </ul>
      )}
    </Panel>
  );
}

function IssueView(props: { issue: Issue }) {
  const { t } = useTranslation();
  const say = useBilingual();
  const nameOf = useIssueName();
  const { issue } = props;
  const mayAssign = useMay("run_loop");
  const seesTasks = useMay("read_tasks");
  const [assigning, setAssigning] = useState(false);
  const [holding, setHolding] = useState<HoldKind | null>(null);
  const [reopening, setReopening] = useState(false);
  const [merging, setMerging] = useState(false);
  const [splitting, setSplitting] = useState(false);
  const [calling, setCalling] = useState(false);
  const merged = Boolean(issue.merged_into);
  const mayHold = mayAssign && !merged && (["open", "relapsed"].includes(issue.state) || Boolean(issue.held));
  const maySplit = mayAssign && !merged && !["dismissed", "snoozed"].includes(issue.state);
  const mayReopen = mayAssign && !merged && ["dismissed", "snoozed", "resolved"].includes(issue.state);
  const scope = Object.entries(issue.scope).filter(([name, value]) => name !== "topic" && value);
  return (
    <Page
      title={nameOf(issue)}
      crumb={{ to: "/issues", label: t("issues.title") }}
      intro={
        <span className="row">
          <KindBadge kind={issue.kind} />
          <QuadrantBadge quadrant={issue.quadrant} kind={issue.kind} />
          {issue.override && <Badge colour={colour.inkFaint}>{t("quadrant.decided")}</Badge>}
          <IssueStateBadge state={issue.state} />
          {issue.topic !== "" && (
            <Link to="/topics" search={{ topic: issue.topic }}>
              {t("issue.topic_link", { name: say(issue.topic_name) })}
            </Link>
          )}
          {issue.cause && <span>{t("issue.cause", { cause: issue.cause })}</span>}
          {scope.map(([field, value]) => (
            <span key={field}>
              {word("field", field)}: {value}
            </span>
          ))}
        </span>
      }
      extra={
        mayAssign && (
          <span className="row">
            {mayReopen && <Button onClick={() => setReopening(true)}>{t("life.reopen")}</Button>}
            {mayHold && <Button onClick={() => setHolding("snooze")}>{t("life.snooze")}</Button>}
            {mayHold && <Button onClick={() => setHolding("dismiss")}>{t("life.dismiss")}</Button>}
            {!merged && <Button onClick={() => setCalling(true)}>{t("kind.change")}</Button>}
            {!merged && <Button onClick={() => setMerging(true)}>{t("merge.action")}</Button>}
            {maySplit && <Button onClick={() => setSplitting(true)}>{t("split.action")}</Button>}
            {!merged && (
              <Button type="primary" onClick={() => setAssigning(true)}>
                {t("issue.assign")}
              </Button>
            )}
          </span>
        )
      }
    >
      <HoldBanner issue={issue} />
      <SplitBanner issue={issue} />
      {!issue.split?.ended && <MergedBanner issue={issue} />}
      <div className="columns">
        <div className="stack">
          <Why issue={issue} />
          {issue.topic !== "" && <TrendChart topic={issue.topic} />}
          <Voices issue={issue} />
        </div>
        <div className="stack">
          <QuadrantPanel issue={issue} />
          <RoutePanel issue={issue} />
          {seesTasks && <Tasks issue={issue} onAssign={mayAssign ? () => setAssigning(true) : null} />}
          <OutcomePanel issue={issue} />
          <HypothesesPanel issue={issue} />
          <MergedList issue={issue} />
          <PartsList issue={issue} />
          <Similar issue={issue} />
          <Panel title={t("issue.timeline")}>
            <Timeline events={issue.timeline} />
          </Panel>
        </div>
      </div>
      <HoldDialog kind={holding} issues={[issue]} onClose={() => setHolding(null)} />
      <ReopenDialog issue={issue} open={reopening} onClose={() => setReopening(false)} />
      {mayAssign && <SplitDialog issue={issue} open={splitting} onClose={() => setSplitting(false)} />}
      {mayAssign && <KindDialog issue={issue} open={calling} onClose={() => setCalling(false)} />}
      {mayAssign && <MergeDialog issue={issue} open={merging} onClose={() => setMerging(false)} />}
      {mayAssign && <AssignDrawer issue={issue} open={assigning} onClose={() => setAssigning(false)} />}
    </Page>
  );
}

export function IssuePage() {
  const { id } = useParams({ from: "/shell/issues/$id" });
  const issue = useIssue(id);
  return <QueryView query={issue}>{(data) => <IssueView issue={data} />}</QueryView>;
}
