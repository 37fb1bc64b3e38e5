import { App, Button, Form, Input, InputNumber, Modal, Select } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { ISSUE_KINDS, type IssueKind } from "../../api/evidence";
import { useCallKind, useReportOutcome } from "../../api/life";
import type { Issue } from "../../api/types";
import { Badge } from "../../components/badges";
import { Panel } from "../../components/page";
import { ProblemAlert } from "../../components/problem-alert";
import { useFormat } from "../../lib/format";
import { useMay } from "../../lib/session";
import { colour } from "../../styles/tokens";

/** What an issue is, where it is no problem. */
export function KindBadge(props: { kind: IssueKind | undefined }) {
  const { t } = useTranslation();
  if (!props.kind || props.kind === "problem") return null;
  const of = props.kind === "opportunity" ? colour.teal700 : colour.accent;
  return (
    <Badge colour={of} solid>
      {t(`issue_kind.${props.kind}`)}
    </Badge>
  );
}

/** Says what an issue is, with a reason. */
export function KindDialog(props: { issue: Issue; open: boolean; onClose: () => void }) {
  const { t } = useTranslation();
  const { message } = App.useApp();
  const call = useCallKind();
  const [form] = Form.useForm<{ kind: IssueKind; reason: string }>();
  const { issue } = props;
  return (
    <Modal
      open={props.open}
      title={t("kind.change")}
      okText={t("kind.change")}
      cancelText={t("app.cancel")}
      confirmLoading={call.isPending}
      onCancel={props.onClose}
      onOk={() => form.submit()}
      destroyOnHidden
    >
      <ProblemAlert error={call.error} />
      <p className="soft" style={{ marginBottom: 12 }}>
        {t("kind.change_intro")}
      </p>
      <Form
        form={form}
        layout="vertical"
        initialValues={{ kind: issue.kind ?? "problem" }}
        onFinish={async ({ kind, reason }) => {
          try {
            await call.mutateAsync({ id: issue.id, version: issue.version, kind, reason: reason.trim() });
            message.success(t("kind.changed"));
            props.onClose();
          } catch {
            // Shown above.
          }
        }}
      >
        <Form.Item name="kind" label={t("kind.filter")}>
          <Select options={ISSUE_KINDS.map((value) => ({ value, label: t(`issue_kind.${value}`) }))} />
        </Form.Item>
        <Form.Item
          name="reason"
          label={t("kind.reason")}
          rules={[{ required: true, whitespace: true, message: t("app.required") }]}
        >
          <Input.TextArea autoSize={{ minRows: 2, maxRows: 6 }} maxLength={1000} />
        </Form.Item>
      </Form>
    </Modal>
  );
}

/** What came of an opportunity: a person's figure, shown as such. */
export function OutcomePanel(props: { issue: Issue }) {
  const { t } = useTranslation();
  const format = useFormat();
  const may = useMay("run_loop");
  const report = useReportOutcome();
  const [editing, setEditing] = useState(false);
  const { issue } = props;
  const { outcome } = issue;
  if (issue.kind !== "opportunity") return null;
  return (
    <Panel title={t("kind.outcome")}>
      <p className="faint">{t("kind.outcome_intro")}</p>
      <ProblemAlert error={report.error} />
      {outcome ? (
        <div className="stack stack--tight">
          <strong className="num">{format.money(outcome.revenue_cents)}</strong>
          <p>{outcome.text}</p>
          <p className="faint">
            {t("kind.outcome_by", { name: outcome.by.name, at: format.dateTime(outcome.at) })}
          </p>
        </div>
      ) : (
        <p className="soft">{t("kind.outcome_none")}</p>
      )}
      {may && !editing && <Button onClick={() => setEditing(true)}>{t("kind.outcome_save")}</Button>}
      {editing && (
        <Form<{ amount: number; text: string }>
          layout="vertical"
          initialValues={{ ...(outcome && { amount: outcome.revenue_cents / 100, text: outcome.text }) }}
          onFinish={async ({ amount, text }) => {
            try {
              const revenue_cents = Math.round(amount * 100);
              await report.mutateAsync({ id: issue.id, version: issue.version, revenue_cents, text });
              setEditing(false);
            } catch {
              // Shown above.
            }
          }}
        >
          <Form.Item
            name="amount"
            label={t("kind.outcome_amount")}
            rules={[{ required: true, message: t("app.required") }]}
          >
            <InputNumber min={0} max={1e12} precision={2} style={{ width: 220 }} />
          </Form.Item>
          <Form.Item
            name="text"
            label={t("kind.outcome_text")}
            rules={[{ required: true, whitespace: true, message: t("app.required") }]}
          >
            <Input.TextArea autoSize={{ minRows: 2, maxRows: 6 }} maxLength={1000} />
          </Form.Item>
          <Button htmlType="submit" type="primary" loading={report.isPending}>
            {t("kind.outcome_save")}
          </Button>
        </Form>
      )}
    </Panel>
  );
}
