import { Button, Checkbox, Form, Input, Modal, Select } from "antd";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { useDepartments } from "../../api/hooks";
import { type BulkAction, type BulkResults, useBulkTasks } from "../../api/work";
import { ProblemAlert } from "../../components/problem-alert";
import { word } from "../../i18n";

type Verb = BulkAction["action"];
type Values = { department?: string; owner_email?: string; reason?: string; sub_tasks?: boolean };

function actionOf(verb: Verb, values: Values): BulkAction {
  const reason = (values.reason ?? "").trim();
  return {
    action: verb,
    ...(reason && { reason }),
    ...(verb === "reassign" && values.department && { department: values.department }),
    ...(verb === "reassign" && values.owner_email && { owner_email: values.owner_email }),
    ...(verb === "cancel" && values.sub_tasks && { sub_tasks: "cancel" as const }),
  };
}

/** What happened to each, or would. */
function Results(props: { results: BulkResults }) {
  const { t } = useTranslation();
  const { results } = props;
  const mails = results.items.reduce((sum, item) => sum + item.mails.length, 0);
  return (
    <div className="stack stack--tight" role="status">
      <strong>
        {t(results.preview ? "bulk_tasks.would" : "bulk_tasks.did", {
          done: results.done,
          refused: results.refused,
          mails,
        })}
      </strong>
      <ul className="stack stack--tight" style={{ maxHeight: 260, overflowY: "auto" }}>
        {results.items.map((item) => (
          <li key={item.id}>
            <span aria-hidden="true">{item.ok ? "✓" : "✗"}</span> {item.title || item.id}
            <br />
            <small className={item.ok ? "faint" : "danger"}>
              {item.ok
                ? [
                    item.state_after && item.state_after !== item.state_before
                      ? `${word("task_state", item.state_before ?? "")} → ${word("task_state", item.state_after)}`
                      : "",
                    item.owner_after !== item.owner_before
                      ? `${item.owner_before} → ${item.owner_after}`
                      : "",
                    item.mails.length > 0
                      ? t("bulk_tasks.mails", { who: item.mails.join(t("app.comma")) })
                      : "",
                  ]
                    .filter(Boolean)
                    .join(" · ")
                : item.detail}
            </small>
          </li>
        ))}
      </ul>
    </div>
  );
}

/** The same done to several tasks: first what would happen, then that it happened, each for itself. */
export function BulkDialog(props: {
  verb: Verb | null;
  ids: readonly string[];
  onClose: (done: boolean) => void;
}) {
  const { t } = useTranslation();
  const { verb } = props;
  const [form] = Form.useForm<Values>();
  const bulk = useBulkTasks();
  const departments = useDepartments().data ?? [];
  const chosen = Form.useWatch("department", form);
  const [results, setResults] = useState<BulkResults | null>(null);
  const { reset } = bulk;
  useEffect(() => {
    if (verb === null) {
      setResults(null);
      reset();
    }
  }, [verb, reset]);
  if (verb === null) return null;
  const required = { required: true, message: t("app.required") };
  const owners = departments.find((d) => d.key === chosen)?.owners ?? [];
  const finished = results !== null && !results.preview;
  async function run(preview: boolean) {
    if (verb === null) return;
    try {
      const values = await form.validateFields();
      setResults(await bulk.mutateAsync({ ...actionOf(verb, values), ids: [...props.ids], preview }));
    } catch {
      // Shown at the fields, or above them.
    }
  }
  return (
    <Modal
      open
      title={t(`bulk_tasks.${verb}`, { n: props.ids.length })}
      onCancel={() => props.onClose(finished)}
      footer={
        finished ? (
          <Button type="primary" onClick={() => props.onClose(true)}>
            {t("bulk_tasks.close")}
          </Button>
        ) : (
          <>
            <Button loading={bulk.isPending} onClick={() => void run(true)}>
              {t("bulk_tasks.preview")}
            </Button>
            <Button
              type="primary"
              danger={verb === "cancel"}
              loading={bulk.isPending}
              disabled={results === null || results.done === 0}
              onClick={() => void run(false)}
            >
              {t("bulk_tasks.run")}
            </Button>
          </>
        )
      }
    >
      <ProblemAlert error={bulk.error} />
      {!finished && (
        // What was previewed must be what is done: another entry asks for another preview.
        <Form<Values> form={form} layout="vertical" onValuesChange={() => setResults(null)}>
          {verb === "reassign" && (
            <>
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
            </>
          )}
          <Form.Item
            name="reason"
            label={t(verb === "remind" ? "task.comment" : "task.reason")}
            rules={verb === "remind" ? [] : [{ ...required, whitespace: true }]}
          >
            <Input.TextArea autoSize={{ minRows: 2 }} maxLength={20000} />
          </Form.Item>
          {verb === "cancel" && (
            <Form.Item name="sub_tasks" valuePropName="checked">
              <Checkbox>{t("work.cancel_sub_tasks")}</Checkbox>
            </Form.Item>
          )}
        </Form>
      )}
      {results && <Results results={results} />}
    </Modal>
  );
}
