import { Form, Input, Modal, Select } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useDepartments, useIssues } from "../../api/hooks";
import { type BulkOutcome, useBulk } from "../../api/life";
import type { Issue } from "../../api/types";
import { ProblemAlert } from "../../components/problem-alert";
import { useIssueName } from "../../lib/issue-name";

export type BulkKind = "merge" | "assign";
type Values = { into?: string; title?: string; department?: string };

/** Merges several issues into one, or assigns one task for each: said for each of them before it is done. */
export function BulkDialog(props: {
  kind: BulkKind | null;
  issues: readonly Issue[];
  onClose: (done: boolean) => void;
}) {
  const { t } = useTranslation();
  const nameOf = useIssueName();
  const departments = useDepartments();
  const all = useIssues({});
  const bulk = useBulk();
  const [form] = Form.useForm<Values>();
  const [seen, setSeen] = useState<BulkOutcome | null>(null);
  const { kind, issues } = props;
  const done = seen !== null && !seen.preview;
  const departmentName = (key: string) => departments.data?.find((d) => d.key === key)?.name || key;

  function close() {
    setSeen(null);
    bulk.reset();
    form.resetFields();
    props.onClose(done);
  }

  async function submit(values: Values) {
    if (done) return close();
    const decision =
      kind === "merge"
        ? { merge: { into: values.into ?? "" } }
        : {
            assign: {
              title: values.title?.trim() ?? "",
              ...(values.department && { department: values.department }),
            },
          };
    const chosen = issues.map(({ id, version }) => ({ id, version }));
    try {
      setSeen(await bulk.mutateAsync({ issues: chosen, preview: seen === null, ...decision }));
    } catch {
      // Shown below.
    }
  }

  const label = done ? "bulk.close" : seen ? "bulk.confirm" : "bulk.look";
  return (
    <Modal
      open={kind !== null}
      title={t(kind === "merge" ? "bulk.merge_title" : "bulk.assign_title", { n: issues.length })}
      okText={t(label)}
      okButtonProps={{ disabled: seen?.preview === true && seen.done === 0 }}
      cancelText={t("app.cancel")}
      confirmLoading={bulk.isPending}
      onCancel={close}
      onOk={() => form.submit()}
      destroyOnHidden
    >
      <ProblemAlert error={bulk.error} />
      <Form<Values> form={form} layout="vertical" onFinish={submit} onValuesChange={() => setSeen(null)}>
        {kind === "merge" ? (
          <Form.Item
            name="into"
            label={t("merge.into")}
            rules={[{ required: true, message: t("app.required") }]}
          >
            <Select
              showSearch={{ optionFilterProp: "label" }}
              options={(all.data ?? [])
                .filter((issue) => !issue.merged_into)
                .map((issue) => ({ value: issue.id, label: nameOf(issue) }))}
            />
          </Form.Item>
        ) : (
          <>
            <Form.Item
              name="title"
              label={t("bulk.task_title")}
              extra={t("bulk.task_title_hint")}
              rules={[{ required: true, whitespace: true, message: t("app.required") }]}
            >
              <Input maxLength={200} />
            </Form.Item>
            <Form.Item name="department" label={t("topics.department")}>
              <Select
                allowClear
                options={(departments.data ?? []).map((d) => ({ value: d.key, label: d.name || d.key }))}
              />
            </Form.Item>
          </>
        )}
      </Form>
      {seen && (
        <div role="status" className="flagged">
          <strong>{t(done ? "bulk.did" : "bulk.would", { done: seen.done, failed: seen.failed })}</strong>
          <ul className="stack stack--tight">
            {seen.items.map((item) => (
              <li key={item.id}>
                {item.title || item.id}
                {": "}
                <span className={item.ok ? "soft" : "faint"}>
                  {item.ok
                    ? item.department
                      ? departmentName(item.department)
                      : t("bulk.fine")
                    : item.detail}
                </span>
              </li>
            ))}
          </ul>
        </div>
      )}
    </Modal>
  );
}
