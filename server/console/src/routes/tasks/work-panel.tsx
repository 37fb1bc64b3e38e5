import { Link } from "@tanstack/react-router";
import { App, Button, Checkbox, Form, Input, InputNumber, Modal, Select, Upload } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { attachmentUrl, useDepartments } from "../../api/hooks";
import type { Task } from "../../api/types";
import {
  type Advance,
  KINDS,
  type Kind,
  type NewSubTask,
  TICKET_STATES,
  type Track,
  useAddSubTask,
  useAdvance,
  useAttach,
  useDecide,
} from "../../api/work";
import { TaskStateBadge } from "../../components/badges";
import { Panel } from "../../components/page";
import { ProblemAlert } from "../../components/problem-alert";
import { useFormat } from "../../lib/format";
import { may, useSession } from "../../lib/session";

const WORKING: ReadonlySet<string> = new Set(["accepted", "in_progress"]);
const UNDER_WAY: ReadonlySet<string> = new Set(["assigned", "accepted", "in_progress"]);

function useRights(task: Task) {
  const { user } = useSession();
  const own = user.role !== "department_owner" || user.department === task.department;
  return { runs: may(user.role, "run_loop"), owns: own && may(user.role, "do_task") };
}

/** What the fields of a track say, as the server wants it. */
export function advanceOf(track: Track, values: Record<string, unknown>): Advance {
  const comment = typeof values.comment === "string" && values.comment.trim();
  const said = comment ? { comment } : {};
  if (track.by === "checklist") return { done: (values.done as number[] | undefined) ?? [], ...said };
  if (track.by === "coverage") {
    return { trained: Number(values.trained ?? 0), total: Number(values.total ?? track.total ?? 1), ...said };
  }
  return {
    ticket_state: (values.ticket_state as Advance["ticket_state"]) ?? "open",
    url: typeof values.url === "string" ? values.url.trim() : "",
    ...said,
  };
}

function TrackForm(props: { task: Task; track: Track }) {
  const { t } = useTranslation();
  const { message } = App.useApp();
  const { task, track } = props;
  const advance = useAdvance(task.id, task.version);
  async function submit(values: Record<string, unknown>) {
    try {
      await advance.mutateAsync(advanceOf(track, values));
      message.success(t("task.done_action"));
    } catch {
      // Shown above the form; the entries stay.
    }
  }
  const done = track.items.flatMap((item, place) => (item.done_at ? [place] : []));
  return (
    // A report from elsewhere shows at once: the form begins anew with every version.
    <Form
      key={task.version}
      layout="vertical"
      onFinish={(values) => void submit(values as Record<string, unknown>)}
      initialValues={{
        done,
        trained: track.trained,
        total: track.total,
        url: track.url,
        ticket_state: track.ticket_state,
      }}
    >
      <ProblemAlert error={advance.error} />
      {track.by === "checklist" && (
        <Form.Item name="done">
          <Checkbox.Group
            aria-label={t("work.checklist")}
            className="stack stack--tight"
            options={track.items.map((item, value) => ({ value, label: item.text }))}
          />
        </Form.Item>
      )}
      {track.by === "coverage" && (
        <div className="row">
          <Form.Item name="trained" label={t("work.trained")}>
            <InputNumber min={0} max={1_000_000} precision={0} />
          </Form.Item>
          <Form.Item name="total" label={t("work.total")}>
            <InputNumber min={1} max={1_000_000} precision={0} />
          </Form.Item>
        </div>
      )}
      {track.by === "ticket" && (
        <>
          <Form.Item name="url" label={t("work.url")} rules={[{ type: "url", message: t("work.url_wrong") }]}>
            <Input maxLength={2000} inputMode="url" />
          </Form.Item>
          <Form.Item name="ticket_state" label={t("work.ticket_state")}>
            <Select options={TICKET_STATES.map((value) => ({ value, label: t(`ticket_state.${value}`) }))} />
          </Form.Item>
        </>
      )}
      <Form.Item name="comment" label={t("task.comment")}>
        <Input.TextArea autoSize={{ minRows: 1, maxRows: 6 }} maxLength={20000} />
      </Form.Item>
      <Button htmlType="submit" loading={advance.isPending}>
        {t("task.update_progress")}
      </Button>
    </Form>
  );
}

/** What is counted of a task, and the form that counts on. */
export function TrackPanel(props: { task: Task }) {
  const { t } = useTranslation();
  const { task } = props;
  const { owns } = useRights(task);
  const { track } = task;
  if (!track || track.by === "percent") return null;
  const figures =
    track.by === "coverage"
      ? `${track.trained}/${track.total} · ${track.group}`
      : track.by === "checklist"
        ? `${track.items.filter((item) => item.done_at).length}/${track.items.length}`
        : t(`ticket_state.${track.ticket_state ?? "open"}`);
  return (
    <Panel title={t(`track.${track.by}`)} extra={<strong className="num">{figures}</strong>}>
      {task.rest && (
        <p className="prose">
          {t("work.rest")}: {task.rest}
        </p>
      )}
      {track.url && (
        <p>
          <a href={track.url} target="_blank" rel="noreferrer noopener">
            {track.url}
          </a>
        </p>
      )}
      {owns && WORKING.has(task.state) ? (
        <TrackForm task={task} track={track} />
      ) : (
        track.by === "checklist" && (
          <ul className="stack stack--tight">
            {track.items.map((item) => (
              <li key={item.text}>
                <span aria-hidden="true">{item.done_at ? "☑" : "☐"}</span> {item.text}
                {item.by && <small className="faint"> · {item.by}</small>}
              </li>
            ))}
          </ul>
        )
      )}
    </Panel>
  );
}

function SubTaskDialog(props: { task: Task; onClose: () => void }) {
  const { t } = useTranslation();
  const { message } = App.useApp();
  const [form] = Form.useForm<NewSubTask>();
  const departments = useDepartments().data ?? [];
  const add = useAddSubTask(props.task.id);
  const chosen = Form.useWatch("department", form);
  const owners = departments.find((d) => d.key === chosen)?.owners ?? [];
  const required = { required: true, message: t("app.required") };
  async function submit(values: NewSubTask) {
    try {
      await add.mutateAsync({
        title: values.title.trim(),
        description: values.description?.trim() ?? "",
        department: values.department,
        kind: values.kind,
        ...(values.owner_email && { owner_email: values.owner_email }),
      });
      message.success(t("task.done_action"));
      props.onClose();
    } catch {
      // Shown above the form; the entries stay.
    }
  }
  return (
    <Modal
      open
      title={t("work.add_sub_task")}
      okText={t("work.add_sub_task")}
      cancelText={t("app.back")}
      confirmLoading={add.isPending}
      onCancel={props.onClose}
      onOk={() => form.submit()}
    >
      <Form<NewSubTask>
        form={form}
        layout="vertical"
        onFinish={(values) => void submit(values)}
        initialValues={{ kind: "other" }}
      >
        <ProblemAlert error={add.error} />
        <p className="faint">{t("work.sub_task_hint")}</p>
        <Form.Item name="title" label={t("assign.task_title")} rules={[{ ...required, whitespace: true }]}>
          <Input maxLength={200} />
        </Form.Item>
        <Form.Item name="description" label={t("assign.description")}>
          <Input.TextArea autoSize={{ minRows: 2, maxRows: 8 }} maxLength={8000} />
        </Form.Item>
        <Form.Item name="department" label={t("assign.department")} rules={[required]}>
          <Select
            options={departments.map((d) => ({ value: d.key, label: d.name || d.key }))}
            onChange={() => form.setFieldValue("owner_email", undefined)}
          />
        </Form.Item>
        <Form.Item name="owner_email" label={t("assign.owner")}>
          <Select
            allowClear
            placeholder={t("assign.owner_default")}
            options={owners.map((owner) => ({ value: owner.email, label: owner.name || owner.email }))}
          />
        </Form.Item>
        <Form.Item name="kind" label={t("work.kind")}>
          <Select options={KINDS.map((value: Kind) => ({ value, label: t(`improvement_kind.${value}`) }))} />
        </Form.Item>
      </Form>
    </Modal>
  );
}

/** The parts of a task: it closes last. */
export function SubTasksPanel(props: { task: Task }) {
  const { t } = useTranslation();
  const format = useFormat();
  const { task } = props;
  const { runs } = useRights(task);
  const [adding, setAdding] = useState(false);
  const parts = task.sub_tasks ?? [];
  const mayAdd = runs && UNDER_WAY.has(task.state);
  if (parts.length === 0 && !mayAdd) return null;
  return (
    <Panel
      title={t("work.sub_tasks")}
      extra={
        mayAdd && (
          <Button size="small" onClick={() => setAdding(true)}>
            {t("work.add_sub_task")}
          </Button>
        )
      }
    >
      {parts.length === 0 ? (
        <p className="faint">{t("work.no_sub_tasks")}</p>
      ) : (
        <ul className="stack stack--tight">
          {parts.map((part) => (
            <li key={part.id} className="row row--between">
              <span>
                {part.visible ? (
                  <Link to="/tasks/$id" params={{ id: part.id }}>
                    {part.title}
                  </Link>
                ) : (
                  part.title
                )}{" "}
                <small className="faint">
                  {part.department_name} · {part.owner} · {format.dateTime(part.due_at)}
                </small>
              </span>
              <TaskStateBadge state={part.state} />
            </li>
          ))}
        </ul>
      )}
      {adding && <SubTaskDialog task={task} onClose={() => setAdding(false)} />}
    </Panel>
  );
}

/** What an approver is asked, and what was said. */
export function ApprovalPanel(props: { task: Task }) {
  const { t } = useTranslation();
  const format = useFormat();
  const { message } = App.useApp();
  const { task } = props;
  const decide = useDecide(task.id, task.version);
  const [words, setWords] = useState("");
  const { approval } = task;
  if (!approval || approval.outcome === "taken_back") return null;
  async function say(approved: boolean) {
    try {
      await decide.mutateAsync({ approved, words: words.trim() });
      setWords("");
      message.success(t("task.done_action"));
    } catch {
      // Shown above the buttons.
    }
  }
  return (
    <Panel title={t("work.approval")} extra={<strong>{t(`approval_outcome.${approval.outcome}`)}</strong>}>
      <div className="stack stack--tight">
        <p className="soft">
          {t("work.asked_of", { who: approval.approver, at: format.dateTime(approval.asked_at) })}
        </p>
        {approval.outcome === "asked" && <p className="prose">{approval.solution}</p>}
        {approval.words && (
          <p className="prose">
            {approval.decided_by}: {approval.words}
          </p>
        )}
        {approval.mine && (
          <>
            <ProblemAlert error={decide.error} />
            <Input.TextArea
              aria-label={t("work.words")}
              placeholder={t("work.words")}
              value={words}
              maxLength={20000}
              autoSize={{ minRows: 2 }}
              onChange={(event) => setWords(event.target.value)}
            />
            <div className="row">
              <Button type="primary" loading={decide.isPending} onClick={() => void say(true)}>
                {t("work.approve")}
              </Button>
              <Button
                danger
                loading={decide.isPending}
                disabled={words.trim() === ""}
                onClick={() => void say(false)}
              >
                {t("work.reject")}
              </Button>
            </div>
          </>
        )}
      </div>
    </Panel>
  );
}

/** Files of a task, to be saved, and one more. */
export function FilesPanel(props: { task: Task }) {
  const { t } = useTranslation();
  const format = useFormat();
  const { task } = props;
  const { owns } = useRights(task);
  const attach = useAttach(task.id);
  if (task.attachments.length === 0 && !owns) return null;
  return (
    <Panel title={t("task.attachments")}>
      <div className="stack stack--tight">
        <ProblemAlert error={attach.error} />
        {task.attachments.length > 0 && (
          <ul>
            {task.attachments.map((file) => (
              <li key={file.id}>
                <a href={attachmentUrl(task.id, file.id)} download={file.name} title={file.sha256}>
                  {file.name}
                </a>{" "}
                <small className="faint num">
                  {format.decimal(file.size / 1024, 0)} KiB{file.added_by && ` · ${file.added_by}`}
                </small>
              </li>
            ))}
          </ul>
        )}
        {owns && (
          <>
            <Upload
              showUploadList={false}
              beforeUpload={(file) => {
                attach.mutate(file);
                return false;
              }}
            >
              <Button loading={attach.isPending}>{t("work.attach")}</Button>
            </Upload>
            <p className="faint">{t("work.attach_hint")}</p>
          </>
        )}
      </div>
    </Panel>
  );
}
