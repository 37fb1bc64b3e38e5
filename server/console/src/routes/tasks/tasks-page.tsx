import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { Button, Checkbox, Progress, Segmented, Select } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useTasks } from "../../api/hooks";
import type { Task, TaskState } from "../../api/types";
import { TaskStateBadge, VerdictBadge } from "../../components/badges";
import { EmptyState, More, Page, Panel, QueryView } from "../../components/page";
import { addDays, dayIn, useFormat } from "../../lib/format";
import { useMay } from "../../lib/session";
import { BulkDialog } from "./bulk-dialog";
import { DepartmentBoard, DueCalendar, StateBoard, weeksOf } from "./task-views";

const STATES: readonly TaskState[] = [
  "assigned",
  "accepted",
  "in_progress",
  "declined",
  "awaiting_approval",
  "done",
  "verifying",
  "verified",
  "not_verified",
  "cancelled",
];

const WAITING: ReadonlySet<TaskState> = new Set([
  "assigned",
  "accepted",
  "in_progress",
  "declined",
  "awaiting_approval",
]);

export const VIEWS = ["list", "board", "departments", "calendar"] as const;
export type View = (typeof VIEWS)[number];

function TaskRow(props: { task: Task }) {
  const { t } = useTranslation();
  const format = useFormat();
  const { task } = props;
  return (
    <Link className="record record--task" to="/tasks/$id" params={{ id: task.id }}>
      <span>
        <span className="record__title">{task.title}</span>
        <span className="record__meta num">
          {task.kind && task.kind !== "other" && <span>{t(`improvement_kind.${task.kind}`)}</span>}
          <span>
            {task.department_name} · {task.owner.name || task.owner.email}
          </span>
          <span>
            {t("tasks.due", { at: format.dateTime(task.due_at) })}
            {task.overdue && <strong className="danger"> {t("tasks.overdue")}</strong>}
          </span>
        </span>
      </span>
      <span className="record__side">
        {task.verification ? (
          <VerdictBadge verdict={task.verification.verdict} />
        ) : (
          <TaskStateBadge state={task.state} />
        )}
        {WAITING.has(task.state) && task.percent > 0 && (
          <Progress
            percent={task.percent}
            size="small"
            style={{ width: 110 }}
            aria-label={t("tasks.progress")}
          />
        )}
      </span>
    </Link>
  );
}

export function TasksPage() {
  const { t } = useTranslation();
  const format = useFormat();
  const { state, view = "list", month: asked } = useSearch({ from: "/shell/tasks" });
  const month = asked ?? dayIn(new Date(), format.zone).slice(0, 7);
  const navigate = useNavigate();
  const runs = useMay("run_loop");
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const [verb, setVerb] = useState<"reassign" | "cancel" | "remind" | null>(null);
  const weeks = weeksOf(month);
  const last = weeks[weeks.length - 1]?.[6] ?? addDays(`${month}-28`, 14);
  const tasks = useTasks({
    ...(state && { state }),
    ...(view === "calendar" && { due_from: weeks[0]?.[0] ?? `${month}-01`, due_to: last }),
    // Views that show all at once read as much as a page holds.
    ...(view !== "list" && { limit: 200 }),
  });
  const go = (next: { state?: string | undefined; view?: View; month?: string }) => {
    const search = { state, view, month: asked, ...next };
    void navigate({
      to: "/tasks",
      replace: true,
      search: {
        ...(search.state && { state: search.state }),
        ...(search.view !== "list" && { view: search.view }),
        ...(search.view === "calendar" && search.month && { month: search.month }),
      },
    });
  };
  const choose = (id: string, on: boolean) => {
    const next = new Set(chosen);
    if (on) next.add(id);
    else next.delete(id);
    setChosen(next);
  };
  return (
    <Page title={t("tasks.title")} intro={t("tasks.intro")}>
      <div className="filters">
        <Select
          allowClear
          aria-label={t("issues.filter_state")}
          placeholder={t("issues.filter_state")}
          value={state ?? null}
          onChange={(value) => go({ state: value ?? undefined })}
          options={STATES.map((value) => ({ value: value as string, label: t(`task_state.${value}`) }))}
        />
        <Segmented<View>
          aria-label={t("bulk.view")}
          value={view}
          onChange={(value) => go({ view: value })}
          options={VIEWS.map((value) => ({ value, label: t(`tasks_view.${value}`) }))}
        />
      </div>
      {chosen.size > 0 && view === "list" && (
        <div className="row flagged" role="status" style={{ marginBottom: 12 }}>
          <strong>{t("bulk_tasks.chosen", { n: chosen.size })}</strong>
          <Button onClick={() => setVerb("remind")}>{t("task.remind")}</Button>
          <Button onClick={() => setVerb("reassign")}>{t("task.reassign")}</Button>
          <Button danger onClick={() => setVerb("cancel")}>
            {t("task.cancel")}
          </Button>
          <Button type="text" onClick={() => setChosen(new Set())}>
            {t("bulk.none")}
          </Button>
        </div>
      )}
      <BulkDialog
        verb={verb}
        ids={[...chosen]}
        onClose={(done) => {
          setVerb(null);
          if (done) setChosen(new Set());
        }}
      />
      <QueryView query={tasks}>
        {(items) => {
          if (view === "calendar") {
            return <DueCalendar tasks={items} month={month} onMonth={(value) => go({ month: value })} />;
          }
          if (items.length > 0 && view === "board") return <StateBoard tasks={items} />;
          if (items.length > 0 && view === "departments") return <DepartmentBoard tasks={items} />;
          return (
            <Panel flush>
              {items.length === 0 ? (
                state ? (
                  <EmptyState title={t("tasks.none")} next={t("issues.none_filter")} />
                ) : (
                  <EmptyState
                    title={t("tasks.none_yet")}
                    next={t("tasks.none_yet_next")}
                    action={<Link to="/issues">{t("tasks.to_issues")}</Link>}
                  />
                )
              ) : (
                <ul className="records">
                  {items.map((task) => (
                    <li key={task.id} className={runs ? "choosable" : undefined}>
                      {runs && (
                        <Checkbox
                          aria-label={t("bulk.choose", { name: task.title })}
                          disabled={!WAITING.has(task.state) || (chosen.size >= 200 && !chosen.has(task.id))}
                          checked={chosen.has(task.id)}
                          onChange={(event) => choose(task.id, event.target.checked)}
                        />
                      )}
                      <TaskRow task={task} />
                    </li>
                  ))}
                </ul>
              )}
            </Panel>
          );
        }}
      </QueryView>
      <More query={tasks} />
    </Page>
  );
}
