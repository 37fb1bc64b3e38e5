import { Alert, App, DatePicker, Form, Input, InputNumber, Modal, Select } from "antd";
import type { Dayjs } from "dayjs";
import dayjs from "dayjs";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { type BulkOutcome, HOLD_REASONS, type HoldReason, useBulk, useReopen } from "../../api/life";
import type { Issue } from "../../api/types";
import { ProblemAlert } from "../../components/problem-alert";
import { word } from "../../i18n";
import { addDays, dayIn, useFormat } from "../../lib/format";

/** Days after which a dismissed issue is reviewed, where nobody says: as on the server. */
export const REVIEW_DAYS = 90;
/** The growth that opens it before that, where nobody says. */
export const USUAL_FACTOR = 3;

export type HoldKind = "dismiss" | "snooze";
type Values = { reason?: HoldReason; text?: string; until?: Dayjs | null; factor?: number | null };

/**
 * Puts one issue or several aside, with the versions that the reader saw: what somebody else changed meanwhile stays
 * as it is and is named.
 */
export function HoldDialog(props: {
  kind: HoldKind | null;
  issues: readonly Issue[];
  onClose: (done: boolean) => void;
}) {
  const { t } = useTranslation();
  const format = useFormat();
  const { message } = App.useApp();
  const bulk = useBulk();
  const [form] = Form.useForm<Values>();
  const [failed, setFailed] = useState<BulkOutcome["items"]>([]);
  const { kind, issues } = props;
  const reason = Form.useWatch("reason", form);
  const today = dayIn(new Date(), format.zone);

  function close(done: boolean) {
    setFailed([]);
    bulk.reset();
    form.resetFields();
    props.onClose(done);
  }

  async function submit(values: Values) {
    const common = {
      text: values.text?.trim() ?? "",
      ...(values.until && { until: values.until.format("YYYY-MM-DD") }),
      ...(typeof values.factor === "number" && { factor: values.factor }),
    };
    const decision =
      kind === "dismiss" ? { dismiss: { ...common, reason: values.reason ?? "other" } } : { snooze: common };
    try {
      const seen = issues.map(({ id, version }) => ({ id, version }));
      const { items } = await bulk.mutateAsync({ issues: seen, preview: false, ...decision });
      const wrong = items.filter((item) => !item.ok);
      setFailed(wrong);
      if (wrong.length === 0) {
        message.success(t(kind === "dismiss" ? "life.dismissed_n" : "life.snoozed_n", { n: issues.length }));
        close(true);
      }
    } catch {
      // Shown below.
    }
  }

  return (
    <Modal
      open={kind !== null}
      title={t(kind === "dismiss" ? "life.dismiss_title" : "life.snooze_title", { n: issues.length })}
      okText={t(kind === "dismiss" ? "life.dismiss" : "life.snooze")}
      cancelText={t("app.cancel")}
      confirmLoading={bulk.isPending}
      onCancel={() => close(false)}
      onOk={() => form.submit()}
      destroyOnHidden
    >
      <ProblemAlert error={bulk.error} />
      {failed.map((one) => (
        <Alert
          key={one.id}
          type="error"
          showIcon
          style={{ marginBottom: 12 }}
          title={issues.length > 1 ? one.title : one.detail}
          description={issues.length > 1 ? one.detail : undefined}
        />
      ))}
      <p className="soft" style={{ marginBottom: 12 }}>
        {t(kind === "dismiss" ? "life.dismiss_intro" : "life.snooze_intro")}
      </p>
      <Form<Values>
        form={form}
        layout="vertical"
        onFinish={submit}
        initialValues={{
          ...(kind === "dismiss" && { reason: "not_a_problem", until: dayjs(addDays(today, REVIEW_DAYS)) }),
          ...(kind === "snooze" && { until: dayjs(addDays(today, 14)) }),
          factor: USUAL_FACTOR,
        }}
      >
        {kind === "dismiss" && (
          <Form.Item name="reason" label={t("life.reason")} rules={[{ required: true }]}>
            <Select options={HOLD_REASONS.map((value) => ({ value, label: word("hold_reason", value) }))} />
          </Form.Item>
        )}
        <Form.Item
          name="text"
          label={t("life.text")}
          rules={
            kind === "dismiss" && reason === "other"
              ? [{ required: true, whitespace: true, message: t("app.required") }]
              : []
          }
        >
          <Input.TextArea autoSize={{ minRows: 2, maxRows: 6 }} maxLength={1000} />
        </Form.Item>
        <Form.Item
          name="until"
          label={t(kind === "dismiss" ? "life.review_on" : "life.until")}
          extra={t("life.until_hint")}
        >
          <DatePicker
            format="YYYY-MM-DD"
            minDate={dayjs(addDays(today, 1))}
            maxDate={dayjs(addDays(today, 366))}
            style={{ width: "100%" }}
          />
        </Form.Item>
        <Form.Item name="factor" label={t("life.factor")} extra={t("life.factor_hint")}>
          <InputNumber min={1.1} max={10} step={0.5} suffix={t("life.times")} style={{ width: 160 }} />
        </Form.Item>
      </Form>
    </Modal>
  );
}

/** Opens an issue again, with a reason. */
export function ReopenDialog(props: { issue: Issue; open: boolean; onClose: () => void }) {
  const { t } = useTranslation();
  const { message } = App.useApp();
  const reopen = useReopen();
  const [form] = Form.useForm<{ reason: string }>();
  return (
    <Modal
      open={props.open}
      title={t("life.reopen_title")}
      okText={t("life.reopen")}
      cancelText={t("app.cancel")}
      confirmLoading={reopen.isPending}
      onCancel={props.onClose}
      onOk={() => form.submit()}
      destroyOnHidden
    >
      <ProblemAlert error={reopen.error} />
      <Form
        form={form}
        layout="vertical"
        onFinish={async (values) => {
          try {
            await reopen.mutateAsync({
              id: props.issue.id,
              version: props.issue.version,
              reason: values.reason.trim(),
            });
            message.success(t("life.reopened"));
            props.onClose();
          } catch {
            // Shown above.
          }
        }}
      >
        <Form.Item
          name="reason"
          label={t("life.reopen_reason")}
          rules={[{ required: true, whitespace: true, message: t("app.required") }]}
        >
          <Input.TextArea autoSize={{ minRows: 2, maxRows: 6 }} maxLength={1000} />
        </Form.Item>
      </Form>
    </Modal>
  );
}

/** How an issue is put aside: who, why, until when, and what opens it before that. */
export function HoldBanner(props: { issue: Issue }) {
  const { t } = useTranslation();
  const format = useFormat();
  const { held } = props.issue;
  if (!held) return null;
  const until = format.day(held.until);
  return (
    <Alert
      type="info"
      showIcon
      style={{ marginBottom: 16 }}
      title={
        held.reason
          ? t("life.banner_dismissed", {
              name: held.by.name,
              at: format.dateTime(held.since),
              reason: word("hold_reason", held.reason),
            })
          : t("life.banner_snoozed", { name: held.by.name, at: format.dateTime(held.since) })
      }
      description={
        <>
          {held.text && <p>{held.text}</p>}
          <p>{t("life.banner_until", { until, factor: held.factor })}</p>
        </>
      }
    />
  );
}
