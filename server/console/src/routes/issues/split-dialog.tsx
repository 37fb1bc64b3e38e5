import { Link, useNavigate } from "@tanstack/react-router";
import { Alert, App, Checkbox, Form, Input, Modal, Select } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { ISSUE_KINDS, type IssueKind } from "../../api/evidence";
import { type SplitWish, usePreviewSplit, useRejoin, useSplit } from "../../api/life";
import type { Issue } from "../../api/types";
import { Panel } from "../../components/page";
import { ProblemAlert } from "../../components/problem-alert";
import { word } from "../../i18n";
import { useFormat } from "../../lib/format";
import { useMay } from "../../lib/session";
import { WayBackButton } from "./way-back-button";

type Values = {
  title: string;
  reason: string;
  kind: IssueKind;
  rules?: string[];
  tasks?: string[];
  hypotheses?: number[];
};

/** Splits an issue in two: what it does is said before it is done. */
export function SplitDialog(props: { issue: Issue; open: boolean; onClose: () => void }) {
  const { t } = useTranslation();
  const { message } = App.useApp();
  const navigate = useNavigate();
  const [form] = Form.useForm<Values>();
  const preview = usePreviewSplit();
  const split = useSplit();
  const [seen, setSeen] = useState<SplitWish | null>(null);
  const { issue } = props;
  const rules = [...new Set(issue.signals.map((signal) => signal.detector))];
  const shown = seen ? preview.data : undefined;

  function close() {
    setSeen(null);
    preview.reset();
    split.reset();
    form.resetFields();
    props.onClose();
  }

  async function submit(values: Values) {
    const wish: SplitWish = {
      title: values.title.trim(),
      reason: values.reason.trim(),
      kind: values.kind,
      rules: values.rules ?? [],
      tasks: values.tasks ?? [],
      hypotheses: values.hypotheses ?? [],
    };
    try {
      if (!seen) {
        await preview.mutateAsync({ id: issue.id, ...wish });
        setSeen(wish);
        return;
      }
      const done = await split.mutateAsync({ id: issue.id, version: issue.version, ...seen });
      message.success(t("split.done"));
      close();
      if (done.part_id) void navigate({ to: "/issues/$id", params: { id: done.part_id } });
    } catch {
      // Shown below.
    }
  }

  return (
    <Modal
      open={props.open}
      title={t("split.title")}
      okText={t(seen ? "split.confirm" : "split.look")}
      cancelText={t("app.cancel")}
      confirmLoading={split.isPending || preview.isPending}
      onCancel={close}
      onOk={() => form.submit()}
      destroyOnHidden
    >
      <ProblemAlert error={split.error ?? preview.error} />
      <p className="soft" style={{ marginBottom: 12 }}>
        {t("split.intro")}
      </p>
      <Form<Values>
        form={form}
        layout="vertical"
        initialValues={{ kind: issue.kind ?? "problem" }}
        onFinish={submit}
        onValuesChange={() => setSeen(null)}
      >
        <Form.Item
          name="title"
          label={t("split.name")}
          rules={[{ required: true, whitespace: true, message: t("app.required") }]}
        >
          <Input maxLength={200} />
        </Form.Item>
        <Form.Item
          name="reason"
          label={t("split.reason")}
          rules={[{ required: true, whitespace: true, message: t("app.required") }]}
        >
          <Input.TextArea autoSize={{ minRows: 2, maxRows: 6 }} maxLength={1000} />
        </Form.Item>
        <Form.Item name="kind" label={t("split.kind")}>
          <Select options={ISSUE_KINDS.map((value) => ({ value, label: t(`issue_kind.${value}`) }))} />
        </Form.Item>
        {rules.length > 0 && (
          <Form.Item name="rules" label={t("split.rules")}>
            <Checkbox.Group options={rules} />
          </Form.Item>
        )}
        {issue.tasks.length > 0 && (
          <Form.Item name="tasks" label={t("split.tasks")}>
            <Checkbox.Group options={issue.tasks.map((task) => ({ value: task.id, label: task.title }))} />
          </Form.Item>
        )}
        {(issue.hypotheses ?? []).length > 0 && (
          <Form.Item name="hypotheses" label={t("split.hypotheses")}>
            <Checkbox.Group
              options={(issue.hypotheses ?? []).map((one) => ({ value: one.number, label: one.text }))}
            />
          </Form.Item>
        )}
      </Form>
      {shown && (
        <div role="status" className="flagged">
          <p>
            {t("split.counts", {
              signals: shown.signals,
              tasks: shown.tasks,
              under_way: shown.tasks_under_way,
              signals_left: shown.signals_left,
              tasks_left: shown.tasks_left,
            })}
          </p>
          <p>
            {t("split.states", {
              part: word("issue_state", shown.part_state),
              whole: word("issue_state", shown.issue_state),
            })}
          </p>
          <p>{t(shown.rings ? "split.rings" : "split.silent")}</p>
        </div>
      )}
    </Modal>
  );
}

/** An issue that was split off: from what, why, and the way back. */
export function SplitBanner(props: { issue: Issue }) {
  const { t } = useTranslation();
  const may = useMay("run_loop");
  const rejoin = useRejoin();
  const { issue } = props;
  const { split } = issue;
  if (!split) return null;
  return (
    <Alert
      type="info"
      showIcon
      style={{ marginBottom: 16 }}
      title={t(split.ended ? "split.undone" : "split.banner")}
      description={
        <>
          <p>{split.reason}</p>
          <Link to="/issues/$id" params={{ id: split.from }}>
            {t("split.to_whole")}
          </Link>
        </>
      }
      action={
        may &&
        !split.ended &&
        !issue.merged_into && (
          <WayBackButton
            issue={issue}
            words={{
              undo: t("split.undo"),
              undone: t("split.undone"),
              reason: t("split.undo_reason"),
              intro: t("split.undo_intro"),
            }}
            undo={rejoin}
          />
        )
      }
    />
  );
}

/** What was split off from an issue. */
export function PartsList(props: { issue: Issue }) {
  const { t } = useTranslation();
  const format = useFormat();
  const parts = props.issue.parts ?? [];
  if (parts.length === 0) return null;
  return (
    <Panel title={t("split.parts")}>
      <ul className="stack stack--tight">
        {parts.map((part) => (
          <li key={part.id} className="row row--between">
            <Link to="/issues/$id" params={{ id: part.id }}>
              {part.title}
            </Link>
            <span className="faint">
              {part.ended ? t("split.ended") : word("issue_state", part.state)}
              {part.at && ` · ${format.dateTime(part.at)}`}
            </span>
          </li>
        ))}
      </ul>
    </Panel>
  );
}
