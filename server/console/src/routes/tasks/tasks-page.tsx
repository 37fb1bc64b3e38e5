import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { Progress, Select } from "antd";
import { useTranslation } from "react-i18next";
import { useTasks } from "../../api/hooks";
import type { Task, TaskState } from "../../api/types";
import { TaskStateBadge, VerdictBadge } from "../../components/badges";
import { EmptyState, More, Page, Panel, QueryView } from "../../components/page";
import { useFormat } from "../../lib/format";

const STATES: readonly TaskState[] = [
  "assigned",
  "accepted",
  "in_progress",
  "declined",
  "done",
  "verifying",
  "verified",
  "not_verified",
  "cancelled",
];

const WAITING: ReadonlySet<TaskState> = new Set(["assigned", "accepted", "in_progress", "declined"]);

function TaskRow(props: { task: Task }) {
  const { t } = useTranslation();
  const format = useFormat();
  const { task } = props;
  return (
    <Link className="record record--task" to="/tasks/$id" params={{ id: task.id }}>
      <span>
        <span className="record__title">{task.title}</span>
        <span className="record__meta num">
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
  const { state } = useSearch({ from: "/shell/tasks" });
  const filter = state ? { state } : {};
  const navigate = useNavigate();
  const tasks = useTasks(filter);
  return (
    <Page title={t("tasks.title")} intro={t("tasks.intro")}>
      <div className="filters">
        <Select
          allowClear
          aria-label={t("issues.filter_state")}
          placeholder={t("issues.filter_state")}
          value={state ?? null}
          onChange={(chosen) =>
            void navigate({ to: "/tasks", search: chosen ? { state: chosen } : {}, replace: true })
          }
          options={STATES.map((value) => ({ value: value as string, label: t(`task_state.${value}`) }))}
        />
      </div>
      <QueryView query={tasks}>
        {(items) => (
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
                  <li key={task.id}>
                    <TaskRow task={task} />
                  </li>
                ))}
              </ul>
            )}
          </Panel>
        )}
      </QueryView>
      <More query={tasks} />
    </Page>
  );
}
