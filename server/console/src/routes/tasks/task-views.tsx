import { Link } from "@tanstack/react-router";
import { Button } from "antd";
import { type KeyboardEvent, useRef } from "react";
import { useTranslation } from "react-i18next";
import type { Task, TaskState } from "../../api/types";
import { TaskStateBadge } from "../../components/badges";
import { addDays, dayIn, useFormat } from "../../lib/format";

/** Columns of the board by state; what is over by itself stands together. */
const COLUMNS: readonly (readonly TaskState[])[] = [
  ["assigned"],
  ["accepted"],
  ["in_progress"],
  ["declined"],
  ["awaiting_approval"],
  ["done", "verifying"],
  ["verified"],
  ["not_verified"],
  ["cancelled"],
];

/**
 * Moves between the cards of a board: arrows up and down inside a column, left and right to the next column that has
 * one. Tab still walks through all of them.
 */
export function walk(event: KeyboardEvent<HTMLElement>, board: HTMLElement | null): void {
  const steps: Record<string, [number, number]> = {
    ArrowUp: [0, -1],
    ArrowDown: [0, 1],
    ArrowLeft: [-1, 0],
    ArrowRight: [1, 0],
  };
  const step = steps[event.key];
  if (!step || !board || !(document.activeElement instanceof HTMLElement)) return;
  const columns = [...board.querySelectorAll<HTMLElement>("[data-column]")].map((column) => [
    ...column.querySelectorAll<HTMLElement>("a"),
  ]);
  const x = columns.findIndex((cards) => cards.includes(document.activeElement as HTMLElement));
  if (x < 0) return;
  const y = columns[x]?.indexOf(document.activeElement) ?? 0;
  let target: HTMLElement | undefined;
  if (step[0] === 0) target = columns[x]?.[y + step[1]];
  for (let next = x + step[0]; step[0] !== 0 && !target && columns[next]; next += step[0]) {
    const cards = columns[next];
    target = cards?.[Math.min(y, cards.length - 1)];
  }
  if (target) {
    event.preventDefault();
    target.focus();
  }
}

function Card(props: { task: Task; showState?: boolean }) {
  const { t } = useTranslation();
  const format = useFormat();
  const { task } = props;
  return (
    <Link className="board__card" to="/tasks/$id" params={{ id: task.id }}>
      <strong>{task.title}</strong>
      <small className="faint">
        {task.department_name} · {task.owner.name || task.owner.email}
      </small>
      <small className="num">
        {format.dateTime(task.due_at)}
        {task.overdue && <strong className="danger"> {t("tasks.overdue")}</strong>}
        {task.percent > 0 && ` · ${task.percent}%`}
      </small>
      {props.showState && <TaskStateBadge state={task.state} />}
    </Link>
  );
}

function Columns(props: { columns: { key: string; title: string; tasks: Task[]; showState?: boolean }[] }) {
  const board = useRef<HTMLDivElement>(null);
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the cards are links; the arrows are a short cut between them
    <div className="board" ref={board} onKeyDown={(event) => walk(event, board.current)}>
      {props.columns.map((column) => (
        <section key={column.key} className="board__column" data-column="" aria-label={column.title}>
          <h2>
            {column.title} <span className="faint num">{column.tasks.length}</span>
          </h2>
          <div className="stack stack--tight">
            {column.tasks.map((task) => (
              <Card key={task.id} task={task} {...(column.showState && { showState: true })} />
            ))}
          </div>
        </section>
      ))}
    </div>
  );
}

const byDue = (a: Task, b: Task) => a.due_at.localeCompare(b.due_at);

export function StateBoard(props: { tasks: readonly Task[] }) {
  const { t } = useTranslation();
  const columns = COLUMNS.map((states) => ({
    key: states[0] ?? "",
    title: states.map((state) => t(`task_state.${state}`)).join(" / "),
    tasks: props.tasks.filter((task) => states.includes(task.state)).sort(byDue),
    showState: states.length > 1,
  }));
  return <Columns columns={columns.filter((column) => column.tasks.length > 0)} />;
}

export function DepartmentBoard(props: { tasks: readonly Task[] }) {
  const names = [...new Map(props.tasks.map((task) => [task.department, task.department_name]))];
  const columns = names
    .sort(([, a], [, b]) => a.localeCompare(b))
    .map(([key, title]) => ({
      key,
      title: title || key,
      tasks: props.tasks.filter((task) => task.department === key).sort(byDue),
      showState: true,
    }));
  return <Columns columns={columns} />;
}

/** The Mondays-first weeks that a month touches, as days. */
export function weeksOf(month: string): string[][] {
  const first = `${month}-01`;
  const weekday = (new Date(`${first}T12:00:00Z`).getUTCDay() + 6) % 7;
  const weeks: string[][] = [];
  for (let day = addDays(first, -weekday); day.slice(0, 7) <= month; day = addDays(day, 7)) {
    weeks.push(Array.from({ length: 7 }, (_, place) => addDays(day, place)));
  }
  return weeks;
}

export function otherMonth(month: string, step: 1 | -1): string {
  return addDays(step === 1 ? `${month}-28` : `${month}-01`, step === 1 ? 4 : -1).slice(0, 7);
}

/** Due dates of a month; on a phone only the days that have one. */
export function DueCalendar(props: {
  tasks: readonly Task[];
  month: string;
  onMonth: (month: string) => void;
}) {
  const { t, i18n } = useTranslation();
  const format = useFormat();
  const { month } = props;
  const today = dayIn(new Date(), format.zone);
  const table = useRef<HTMLTableElement>(null);
  const days = new Map<string, Task[]>();
  for (const task of [...props.tasks].sort(byDue)) {
    const day = dayIn(task.due_at, format.zone);
    days.set(day, [...(days.get(day) ?? []), task]);
  }
  const weeks = weeksOf(month);
  const weekday = new Intl.DateTimeFormat(i18n.language, { weekday: "short", timeZone: "UTC" });
  const title = new Intl.DateTimeFormat(i18n.language, { year: "numeric", month: "long", timeZone: "UTC" });
  const noon = (day: string) => new Date(`${day}T12:00:00Z`);
  return (
    <section className="panel due" aria-label={t("tasks.calendar")}>
      <div className="row row--between" style={{ marginBottom: 10 }}>
        <Button onClick={() => props.onMonth(otherMonth(month, -1))} aria-label={t("tasks.month_before")}>
          ←
        </Button>
        <h2 aria-live="polite">{title.format(noon(`${month}-15`))}</h2>
        <Button onClick={() => props.onMonth(otherMonth(month, 1))} aria-label={t("tasks.month_after")}>
          →
        </Button>
      </div>
      <table ref={table} className="due__table">
        <thead>
          <tr>
            {(weeks[0] ?? []).map((day) => (
              <th key={day} scope="col">
                {weekday.format(noon(day))}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {weeks.map((week) => (
            <tr key={week[0]}>
              {week.map((day) => {
                const found = days.get(day) ?? [];
                const names = [
                  day.slice(0, 7) === month ? "" : "due__other",
                  day === today ? "due__today" : "",
                  found.length === 0 ? "due__empty" : "",
                ];
                return (
                  <td key={day} className={names.filter(Boolean).join(" ")}>
                    <time dateTime={day} className="num" aria-current={day === today ? "date" : undefined}>
                      {Number(day.slice(8))}
                    </time>
                    <ul>
                      {found.map((task) => (
                        <li key={task.id}>
                          <Link
                            to="/tasks/$id"
                            params={{ id: task.id }}
                            className={task.overdue ? "due__task danger" : "due__task"}
                            title={`${task.title} · ${task.department_name} · ${t(`task_state.${task.state}`)}`}
                          >
                            {task.title}
                          </Link>
                        </li>
                      ))}
                    </ul>
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
      {days.size === 0 && <p className="faint">{t("tasks.calendar_none")}</p>}
    </section>
  );
}
