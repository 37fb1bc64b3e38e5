import { App, Button, Checkbox, DatePicker, Form, Input, InputNumber, Modal, Select } from "antd";
import type { Dayjs } from "dayjs";
import dayjs from "dayjs";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { type TaskAction, useDepartments, useTaskAction } from "../../api/hooks";
import type { Task } from "../../api/types";
import { ProblemAlert } from "../../components/problem-alert";
import { useBilingual } from "../../lib/bilingual";
import { dayIn, useFormat, wallTime } from "../../lib/format";
import { may, useSession } from "../../lib/session";

export type Verb = TaskAction["verb"];

/** What can be done with a task in its state by somebody of this role. */
export function offered(
  task: Pick<Task, "state" | "department" | "due" | "track">,
  user: { role: Parameters<typeof may>[0]; department?: string | null | undefined },
): Verb[] {
  const runs = may(user.role, "run_loop");
  const owns =
    may(user.role, "do_task") && (user.role !== "department_owner" || user.department === task.department);
  const verbs: Verb[] = [];
  // Whoever waits for an answer comes first.
  if (runs && task.due?.waits_since && task.due.waits_for !== "approval") verbs.push("answer");
  // What is counted is reported where it is shown; a ticket says nothing of how far it is.
  const estimated = !task.track || task.track.by === "percent" || task.track.by === "ticket";
  switch (task.state) {
    case "assigned":
      if (owns) verbs.push("accept", "decline", "ask");
      if (runs) verbs.push("remind", "reassign", "cancel");
      break;
    case "accepted":
    case "in_progress":
      if (owns && estimated) verbs.push("progress");
      if (owns) verbs.push("complete", "ask");
      if (runs) verbs.push("remind", "reassign", "cancel");
      break;
    case "awaiting_approval":
      if (runs) verbs.push("remind", "reassign", "cancel");
      break;
    case "declined":
      if (runs) verbs.push("reassign", "cancel");
      break;
    case "done":
    case "verifying":
    case "verified":
    case "not_verified":
      if (runs) verbs.push("evaluate");
      break;
    case "cancelled":
      break;
  }
  return verbs;
}

type Values = {
  reason?: string;
  department?: string;
  owner_email?: string;
  percent?: number;
  comment?: string;
  solution?: string;
  rest?: string;
  sub_tasks?: boolean;
  effective?: Dayjs | null;
};

function actionOf(verb: Verb, values: Values, zone: string): TaskAction {
  const text = (value: string | undefined) => (value ?? "").trim();
  switch (verb) {
    case "accept":
    case "evaluate":
      return { verb };
    case "decline":
      return {
        verb,
        reason: text(values.reason),
        ...(values.department && { department: values.department }),
      };
    case "progress":
      return {
        verb,
        percent: values.percent ?? 0,
        ...(text(values.comment) && { comment: text(values.comment) }),
      };
    case "complete":
      return {
        verb,
        solution: text(values.solution),
        ...(text(values.rest) && { rest: text(values.rest) }),
        ...(values.effective && {
          effective_at: wallTime(values.effective.format("YYYY-MM-DDTHH:mm"), zone),
        }),
      };
    case "reassign":
      return {
        verb,
        department: values.department ?? "",
        reason: text(values.reason),
        ...(values.owner_email && { owner_email: values.owner_email }),
      };
    case "cancel":
      return { verb, reason: text(values.reason), ...(values.sub_tasks && { sub_tasks: "cancel" as const }) };
    case "remind":
    case "ask":
    case "answer":
      return { verb, comment: text(values.comment) };
  }
}

const LABEL = {
  accept: "task.accept",
  decline: "task.decline",
  progress: "task.update_progress",
  complete: "task.complete",
  reassign: "task.reassign",
  cancel: "task.cancel",
  ask: "task.ask",
  answer: "task.answer",
  remind: "task.remind",
  evaluate: "task.evaluate",
} as const;

function Fields(props: { verb: Verb; task: Task }) {
  const { t } = useTranslation();
  const format = useFormat();
  const say = useBilingual();
  const departments = useDepartments().data ?? [];
  const form = Form.useFormInstance<Values>();
  const chosen = Form.useWatch("department", form);
  const required = { required: true, message: t("app.required") };
  const filled = { ...required, whitespace: true };
  const options = departments.map((d) => ({ value: d.key, label: d.name || d.key }));
  switch (props.verb) {
    case "decline":
      return (
        <>
          <Form.Item name="reason" label={t("task.reason_decline")} rules={[filled]}>
            <Input.TextArea autoSize={{ minRows: 3 }} />
          </Form.Item>
          <Form.Item name="department" label={t("assign.department")}>
            <Select allowClear options={options} />
          </Form.Item>
        </>
      );
    case "progress":
      return (
        <>
          <Form.Item
            name="percent"
            label={t("task.percent")}
            rules={[required]}
            initialValue={props.task.percent}
          >
            <InputNumber min={0} max={100} step={5} suffix="%" />
          </Form.Item>
          <Form.Item name="comment" label={t("task.comment")}>
            <Input.TextArea autoSize={{ minRows: 3 }} />
          </Form.Item>
        </>
      );
    case "complete":
      return (
        <>
          <Form.Item
            name="solution"
            label={t("task.solution")}
            extra={t("task.solution_hint")}
            rules={[filled]}
          >
            <Input.TextArea autoSize={{ minRows: 4 }} />
          </Form.Item>
          {props.task.track && !props.task.track.whole && (
            <Form.Item
              name="rest"
              label={t("work.rest")}
              extra={props.task.track.missing ? say(props.task.track.missing) : undefined}
              rules={[filled]}
            >
              <Input.TextArea autoSize={{ minRows: 2 }} maxLength={20000} />
            </Form.Item>
          )}
          <Form.Item
            name="effective"
            label={t("task.effective")}
            extra={`${t("task.effective_hint")} ${t("assign.due_hint", { zone: format.zone })}`}
          >
            <DatePicker
              showTime={{ format: "HH:mm" }}
              format="YYYY-MM-DD HH:mm"
              maxDate={dayjs(dayIn(new Date(), format.zone))}
              style={{ width: "100%" }}
            />
          </Form.Item>
        </>
      );
    case "reassign": {
      const owners = departments.find((d) => d.key === chosen)?.owners ?? [];
      return (
        <>
          <Form.Item name="department" label={t("assign.department")} rules={[required]}>
            <Select options={options} onChange={() => form.setFieldValue("owner_email", undefined)} />
          </Form.Item>
          <Form.Item name="owner_email" label={t("assign.owner")}>
            <Select
              allowClear
              placeholder={t("assign.owner_default")}
              options={owners.map((owner) => ({ value: owner.email, label: owner.name || owner.email }))}
            />
          </Form.Item>
          <Form.Item name="reason" label={t("task.reason_reassign")} rules={[filled]}>
            <Input.TextArea autoSize={{ minRows: 3 }} />
          </Form.Item>
        </>
      );
    }
    case "cancel":
      return (
        <>
          <Form.Item name="reason" label={t("task.reason_cancel")} rules={[filled]}>
            <Input.TextArea autoSize={{ minRows: 3 }} />
          </Form.Item>
          {(props.task.sub_tasks ?? []).some((part) => part.open) && (
            <Form.Item name="sub_tasks" valuePropName="checked" rules={[required]}>
              <Checkbox>{t("work.cancel_sub_tasks")}</Checkbox>
            </Form.Item>
          )}
        </>
      );
    case "remind":
      return (
        <Form.Item name="comment" label={t("task.comment")} extra={t("task.remind_hint")}>
          <Input.TextArea autoSize={{ minRows: 3 }} maxLength={20000} />
        </Form.Item>
      );
    case "ask":
    case "answer":
      return (
        <Form.Item
          name="comment"
          label={t(props.verb === "ask" ? "task.question" : "task.reply")}
          extra={t(props.verb === "ask" ? "task.ask_hint" : "task.answer_hint")}
          rules={[filled]}
        >
          <Input.TextArea autoSize={{ minRows: 3 }} maxLength={20000} />
        </Form.Item>
      );
    default:
      return null;
  }
}

/** The buttons of a task and the small forms behind them. */
export function TaskActions(props: { task: Task }) {
  const { t } = useTranslation();
  const { task } = props;
  const session = useSession();
  const { message } = App.useApp();
  const act = useTaskAction(task.id, task.version);
  const [asking, setAsking] = useState<Verb | null>(null);
  const [form] = Form.useForm<Values>();
  const verbs = offered(task, session.user);
  if (verbs.length === 0) return null;

  async function run(verb: Verb, values: Values) {
    try {
      await act.mutateAsync(actionOf(verb, values, session.organisation.zone));
      setAsking(null);
      message.success(t(verb === "evaluate" ? "task.evaluated" : "task.done_action"));
    } catch {
      // Shown in the form, or above the buttons.
    }
  }

  return (
    <>
      {asking === null && <ProblemAlert error={act.error} />}
      <div className="row">
        {verbs.map((verb, index) => (
          <Button
            key={verb}
            type={index === 0 ? "primary" : "default"}
            danger={verb === "cancel"}
            loading={act.isPending && act.variables?.verb === verb && asking === null}
            onClick={() => {
              act.reset();
              if (verb === "accept" || verb === "evaluate") void run(verb, {});
              else setAsking(verb);
            }}
          >
            {t(LABEL[verb])}
          </Button>
        ))}
      </div>
      <Modal
        open={asking !== null}
        title={asking && t(LABEL[asking])}
        okText={asking && t(LABEL[asking])}
        cancelText={t("app.back")}
        confirmLoading={act.isPending}
        okButtonProps={asking === "cancel" ? { danger: true } : {}}
        onCancel={() => setAsking(null)}
        onOk={() => form.submit()}
        destroyOnHidden
      >
        {asking && (
          <Form<Values>
            form={form}
            layout="vertical"
            preserve={false}
            onFinish={(values) => void run(asking, values)}
          >
            <ProblemAlert error={act.error} />
            <Fields verb={asking} task={task} />
          </Form>
        )}
      </Modal>
    </>
  );
}
