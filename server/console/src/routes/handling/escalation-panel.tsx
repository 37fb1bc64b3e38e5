import { App, Button } from "antd";
import { useTranslation } from "react-i18next";
import { type Escalation, useEscalation, useReroute } from "../../api/handling";
import { useDepartments } from "../../api/hooks";
import type { Task } from "../../api/types";
import { Panel, QueryView } from "../../components/page";
import { ProblemAlert } from "../../components/problem-alert";
import { useFormat } from "../../lib/format";
import { useMay } from "../../lib/session";

function Steps(props: { found: Escalation }) {
  const { t } = useTranslation();
  const format = useFormat();
  const { found } = props;
  const next = found.ahead[0];
  return (
    <div className="stack stack--tight">
      {found.policy && (
        <p className="faint">
          {t("handling.policy", { name: found.policy_name || found.policy, version: found.policy_version })}
          {found.policy_changed && ` ${t("handling.policy_changed")}`}
        </p>
      )}
      {found.snoozed_until && (
        <p className="soft">{t("handling.snoozed", { at: format.dateTime(found.snoozed_until) })}</p>
      )}
      {next ? (
        <p>
          <strong>{t("handling.next")}</strong>{" "}
          {t("handling.next_step", {
            at: format.dateTime(next.act_at),
            what: t(`handling_do.${next.do}`),
            to: next.to ?? t("handling.nobody"),
            why: t(`handling_when.${next.when}`),
          })}
        </p>
      ) : (
        <p className="faint">{t("handling.no_next")}</p>
      )}
      {found.ahead.length > 1 && (
        <ul className="stack stack--tight">
          {found.ahead.slice(1).map((step) => (
            <li key={`${step.step} ${step.n}`} className="faint">
              {format.dateTime(step.act_at)} · {t(`handling_do.${step.do}`)} · {step.to}
            </li>
          ))}
        </ul>
      )}
      {found.done.length > 0 && (
        <>
          <strong>{t("handling.done")}</strong>
          <ul className="stack stack--tight">
            {found.done.map((step) => (
              <li key={`${step.assignment} ${step.step} ${step.n} ${step.at}`}>
                {format.dateTime(step.at)} · {t(`handling_do.${step.do}`)} · {step.to || t("handling.nobody")}
                <span className="faint">
                  {step.outcome !== "done" && ` · ${t(`handling_outcome.${step.outcome}`)}`}
                  {step.missed > 0 && ` · ${t("handling.missed", { n: step.missed })}`}
                  {step.late_by >= 3600 &&
                    ` · ${t("handling.late", { hours: format.decimal(step.late_by / 3600, 0) })}`}
                </span>
              </li>
            ))}
          </ul>
        </>
      )}
    </div>
  );
}

/** What happened to the task by itself, what will, when and to whom. */
export function EscalationPanel(props: { task: Task }) {
  const { t } = useTranslation();
  const found = useEscalation(props.task.id, props.task.version);
  return (
    <Panel title={t("handling.title")}>
      <QueryView query={found}>{(data) => <Steps found={data} />}</QueryView>
    </Panel>
  );
}

/** How often the task was refused, by whom, and the way out. */
export function HopsPanel(props: { task: Task }) {
  const { t } = useTranslation();
  const format = useFormat();
  const { message } = App.useApp();
  const { task } = props;
  const runs = useMay("run_loop");
  const departments = useDepartments().data;
  const reroute = useReroute(task.id, task.version);
  const { handling } = task;
  const name = (key: string) => departments?.find((d) => d.key === key)?.name || key;
  const proposed = task.proposed_department;
  const open = task.state === "declined" || handling.with_arbiter;
  if (handling.hops.length === 0) return null;
  return (
    <Panel title={t("handling.hops", { n: handling.hops.length })}>
      <ol className="stack stack--tight">
        {handling.hops.map((hop) => (
          <li key={hop.at}>
            {format.dateTime(hop.at)} · {name(hop.from)} · {t(`handling_hop.${hop.kind}`)}
            {hop.to && ` → ${name(hop.to)}`}
            {hop.ping_pong && <span className="danger"> · {t("handling.ping_pong")}</span>}
            {hop.reason && <p className="prose">{hop.reason}</p>}
          </li>
        ))}
      </ol>
      {handling.with_arbiter && <p className="soft">{t("handling.with_arbiter")}</p>}
      <ProblemAlert error={reroute.error} />
      {runs && proposed && open && (
        <Button
          type="primary"
          loading={reroute.isPending}
          onClick={() => reroute.mutate(undefined, { onSuccess: () => void message.success(t("app.saved")) })}
        >
          {t("handling.reroute", { department: name(proposed) })}
        </Button>
      )}
    </Panel>
  );
}
