import { Link, useParams } from "@tanstack/react-router";
import { Progress } from "antd";
import { useTranslation } from "react-i18next";
import { useTask } from "../../api/hooks";
import type { Contract, Task } from "../../api/types";
import { Badge, TaskStateBadge } from "../../components/badges";
import { Page, Panel, QueryView } from "../../components/page";
import { Timeline } from "../../components/timeline";
import { word } from "../../i18n";
import { useBilingual } from "../../lib/bilingual";
import { useFormat } from "../../lib/format";
import { useTaskIssueName } from "../../lib/issue-name";
import { change } from "../../lib/metric";
import { useMay } from "../../lib/session";
import { useTopicNames } from "../../lib/topic-names";
import { colour } from "../../styles/tokens";
import { EscalationPanel, HopsPanel } from "../handling/escalation-panel";
import { BeforeAfterChart } from "../verification/before-after-chart";
import { VerdictCard } from "../verification/verdict-card";
import { DueExplained } from "./due-explained";
import { DuePanel } from "./due-panel";
import { MailPanel } from "./mail-panel";
import { TaskActions } from "./task-actions";
import { ApprovalPanel, FilesPanel, SubTasksPanel, TrackPanel } from "./work-panel";

function ContractPanel(props: { contract: Contract }) {
  const { t } = useTranslation();
  const format = useFormat();
  const say = useBilingual();
  const { contract } = props;
  const nameOf = useTopicNames();
  const { planned } = contract;
  return (
    <Panel title={t("task.contract")}>
      <p className="soft">{say(contract.sentence)}</p>
      <dl className="facts" style={{ marginTop: 10 }}>
        <div>
          <dt>{t("task.contract_metric")}</dt>
          <dd>
            {word("metric", contract.metric)}
            <small>{word("metric_hint", contract.metric)}</small>
          </dd>
        </div>
        <div>
          <dt>{t("task.contract_expected")}</dt>
          <dd>{change(format, contract.metric, contract.expected_change, 0)}</dd>
        </div>
        <div>
          <dt>{t("task.contract_smallest")}</dt>
          <dd>{change(format, contract.metric, contract.smallest_change, 0).replace(/^\+/, "")}</dd>
        </div>
        <div>
          <dt>{t("task.contract_baseline")}</dt>
          <dd>{t("task.contract_days", { n: contract.baseline_days })}</dd>
        </div>
        <div>
          <dt>{t("task.contract_minimum")}</dt>
          <dd>
            {t("task.contract_minimum_text", {
              days: contract.min_days,
              answers: `${contract.min_answers} ${word("metric_answers", contract.metric)}`,
            })}
          </dd>
        </div>
        <div>
          <dt>{t("task.contract_horizon")}</dt>
          <dd>{t("task.contract_days", { n: contract.horizon_days })}</dd>
        </div>
        {contract.alarm_day && (
          <div>
            <dt>{t("task.contract_alarm")}</dt>
            <dd>{format.day(contract.alarm_day)}</dd>
          </div>
        )}
        {contract.watched_topic && (
          <div>
            <dt>{t("task.contract_watched")}</dt>
            <dd>{nameOf(contract.watched_topic)}</dd>
          </div>
        )}
        <div>
          <dt>{t("task.contract_control")}</dt>
          <dd>{t(contract.control === "other_topics" ? "task.control_others" : "task.control_none")}</dd>
        </div>
        {(contract.guards ?? []).length > 0 && (
          <div>
            <dt>{t("task.contract_guards")}</dt>
            <dd>{(contract.guards ?? []).map((g) => word("metric", g.metric)).join(t("app.comma"))}</dd>
          </div>
        )}
        <div>
          <dt>{t("task.contract_plan")}</dt>
          <dd>
            {typeof planned.answers_needed === "number" && typeof planned.days === "number"
              ? t(
                  contract.metric === "volume" ? "task.contract_plan_text_hoped" : "task.contract_plan_text",
                  {
                    answers: `${format.count(planned.answers_needed)} ${word("metric_answers", contract.metric)}`,
                    rate: format.decimal(planned.answers_per_day, 1),
                    hoped: format.decimal(planned.answers_per_day * (1 + contract.expected_change), 1),
                    days: format.count(planned.days),
                  },
                )
              : t("task.contract_plan_none")}
          </dd>
        </div>
      </dl>
    </Panel>
  );
}

function Facts(props: { task: Task }) {
  const { t } = useTranslation();
  const format = useFormat();
  const { task } = props;
  return (
    <Panel>
      <dl className="facts">
        <div>
          <dt>{t("task.owner")}</dt>
          <dd>
            {task.owner.name || task.owner.email}
            <small>
              {task.department_name} · {task.owner.email}
            </small>
            {task.owner.unreachable && <small className="danger">{t("task.unreachable")}</small>}
          </dd>
        </div>
        <div>
          <dt>{t("task.due")}</dt>
          <dd>
            {format.dateTime(task.due_at)}
            {task.overdue && <small className="danger">{t("tasks.overdue")}</small>}
          </dd>
        </div>
        <div>
          <dt>{t("task.assigned_by")}</dt>
          <dd>{task.assigned_by}</dd>
        </div>
        <div>
          <dt>{t("task.progress")}</dt>
          <dd>
            <Progress percent={task.percent} size="small" aria-label={t("task.progress")} />
          </dd>
        </div>
        {task.effective_at && (
          <div>
            <dt>{t("task.effective_at")}</dt>
            <dd>{format.dateTime(task.effective_at)}</dd>
          </div>
        )}
      </dl>
    </Panel>
  );
}

function Work(props: { task: Task }) {
  const { t } = useTranslation();
  const format = useFormat();
  const { task } = props;
  return (
    <Panel title={t("task.description")}>
      <div className="stack">
        <p className="prose">{task.description}</p>
        {task.measures.length > 0 && (
          <div>
            <strong>{t("task.measures")}</strong>
            <ul style={{ listStyle: "disc", paddingLeft: 20 }}>
              {task.measures.map((measure) => (
                <li key={measure}>{measure}</li>
              ))}
            </ul>
          </div>
        )}
        {task.decline_reason && (
          <div>
            <strong className="danger">{t("task.decline_reason")}</strong>
            <p className="prose">{task.decline_reason}</p>
            {task.proposed_department && (
              <p className="soft">
                {t("task.proposed_department")}: {task.proposed_department}
              </p>
            )}
          </div>
        )}
        {task.solution && (
          <div>
            <strong>{t("task.solution")}</strong>
            <p className="prose">{task.solution}</p>
          </div>
        )}
        {task.progress.length > 0 && (
          <ul className="stack stack--tight">
            {[...task.progress].reverse().map((entry) => (
              <li key={entry.at} className="voice">
                <div className="row row--between">
                  <strong className="num">
                    {entry.percent}%{entry.figures && /^\d/.test(entry.figures) && ` (${entry.figures})`}
                  </strong>
                  <span className="faint">
                    {entry.by} · {format.dateTime(entry.at)}
                  </span>
                </div>
                {entry.comment && <p>{entry.comment}</p>}
              </li>
            ))}
          </ul>
        )}
      </div>
    </Panel>
  );
}

function TaskView(props: { task: Task }) {
  const { t } = useTranslation();
  const { task } = props;
  const issueName = useTaskIssueName(task);
  const runs = useMay("run_loop");
  const finished = task.state === "done" || task.state === "verifying";
  return (
    <Page
      title={task.title}
      crumb={{ to: "/tasks", label: t("tasks.title") }}
      intro={
        <span className="row">
          <TaskStateBadge state={task.state} />
          {task.fast_track && <Badge colour={colour.accent}>{t("task.fast_track")}</Badge>}
          {task.kind && task.kind !== "other" && (
            <Badge colour={colour.teal700}>{t(`improvement_kind.${task.kind}`)}</Badge>
          )}
          {task.parent && (
            <Link to="/tasks/$id" params={{ id: task.parent.id }}>
              {t("work.part_of", { title: task.parent.title })}
            </Link>
          )}
          <Link to="/issues/$id" params={{ id: task.issue_id }}>
            {t("task.issue", { title: issueName })}
          </Link>
        </span>
      }
    >
      <div className="stack">
        <TaskActions task={task} />
        <ApprovalPanel task={task} />
        <DuePanel task={task} />
        {task.verification ? (
          <>
            <VerdictCard verification={task.verification} taskId={task.id} />
            <BeforeAfterChart task={task} verification={task.verification} />
          </>
        ) : (
          finished && (
            <Panel title={t("verification.none")}>
              <p className="soft">{t("verification.none_done")}</p>
            </Panel>
          )
        )}
        <div className="columns">
          <div className="stack">
            <Facts task={task} />
            <TrackPanel task={task} />
            <SubTasksPanel task={task} />
            <DueExplained task={task} />
            <Work task={task} />
            <FilesPanel task={task} />
            <ContractPanel contract={task.contract} />
          </div>
          <div className="stack">
            <HopsPanel task={task} />
            <EscalationPanel task={task} />
            {runs && <MailPanel mail={task.mail} />}
            <Panel title={t("task.timeline")}>
              <Timeline events={task.timeline} />
            </Panel>
          </div>
        </div>
      </div>
    </Page>
  );
}

export function TaskPage() {
  const { id } = useParams({ from: "/shell/tasks/$id" });
  const task = useTask(id);
  return <QueryView query={task}>{(data) => <TaskView task={data} />}</QueryView>;
}
