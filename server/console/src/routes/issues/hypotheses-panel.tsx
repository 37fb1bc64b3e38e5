import { App, Button, Form, Input, Select } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useDepartments } from "../../api/hooks";
import { type Belief, useJudgeHypothesis, useSuppose } from "../../api/life";
import type { Issue } from "../../api/types";
import { Badge } from "../../components/badges";
import { Panel } from "../../components/page";
import { ProblemAlert } from "../../components/problem-alert";
import { word } from "../../i18n";
import { useMay } from "../../lib/session";
import { colour, verdictColour } from "../../styles/tokens";

const COLOUR: Record<Belief, string> = {
  open: colour.accent,
  confirmed: verdictColour.improved,
  rejected: colour.inkFaint,
};

/** Supposed causes of an issue: there may be several, each for a department of its own. */
export function HypothesesPanel(props: { issue: Issue }) {
  const { t } = useTranslation();
  const { message } = App.useApp();
  const { issue } = props;
  const may = useMay("run_loop") && !issue.merged_into;
  const departments = useDepartments().data;
  const suppose = useSuppose();
  const judge = useJudgeHypothesis();
  const [adding, setAdding] = useState(false);
  const [form] = Form.useForm<{ text: string; department?: string }>();
  const all = issue.hypotheses ?? [];
  const settle = (number: number, state: Belief) =>
    judge.mutate({ id: issue.id, version: issue.version, number, state, reason: "" });
  return (
    <Panel
      title={t("hypothesis.title")}
      extra={may && !adding && <Button onClick={() => setAdding(true)}>{t("hypothesis.add")}</Button>}
    >
      <div className="stack stack--tight">
        <ProblemAlert error={suppose.error ?? judge.error} />
        {all.length === 0 && !adding && <p className="soft">{t("hypothesis.none")}</p>}
        <ul className="stack stack--tight">
          {all.map((one) => (
            <li key={one.number}>
              <div className="row row--between">
                <span className="row">
                  <Badge colour={COLOUR[one.state]}>{word("belief", one.state)}</Badge>
                  <strong>{one.text}</strong>
                </span>
                {may && (
                  <span className="row">
                    {one.state === "open" ? (
                      <>
                        <Button size="small" onClick={() => settle(one.number, "confirmed")}>
                          {t("hypothesis.confirm")}
                        </Button>
                        <Button size="small" onClick={() => settle(one.number, "rejected")}>
                          {t("hypothesis.reject")}
                        </Button>
                      </>
                    ) : (
                      <Button size="small" onClick={() => settle(one.number, "open")}>
                        {t("hypothesis.reopen")}
                      </Button>
                    )}
                  </span>
                )}
              </div>
              <p className="faint">
                {[
                  one.department &&
                    (departments?.find((d) => d.key === one.department)?.name || one.department),
                  one.by,
                  one.reason,
                ]
                  .filter(Boolean)
                  .join(" · ")}
              </p>
            </li>
          ))}
        </ul>
        {adding && (
          <Form
            form={form}
            layout="vertical"
            onFinish={async (values) => {
              try {
                await suppose.mutateAsync({
                  id: issue.id,
                  version: issue.version,
                  text: values.text.trim(),
                  ...(values.department && { department: values.department }),
                });
                message.success(t("hypothesis.added"));
                form.resetFields();
                setAdding(false);
              } catch {
                // Shown above.
              }
            }}
          >
            <Form.Item
              name="text"
              label={t("hypothesis.text")}
              rules={[{ required: true, whitespace: true, message: t("app.required") }]}
            >
              <Input.TextArea autoSize={{ minRows: 2, maxRows: 4 }} maxLength={500} />
            </Form.Item>
            <Form.Item name="department" label={t("hypothesis.department")}>
              <Select
                allowClear
                options={(departments ?? []).map((d) => ({ value: d.key, label: d.name || d.key }))}
              />
            </Form.Item>
            <span className="row">
              <Button type="primary" htmlType="submit" loading={suppose.isPending}>
                {t("app.save")}
              </Button>
              <Button onClick={() => setAdding(false)}>{t("app.cancel")}</Button>
            </span>
          </Form>
        )}
      </div>
    </Panel>
  );
}
