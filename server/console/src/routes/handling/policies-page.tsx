import { DeleteOutlined, PlusOutlined } from "@ant-design/icons";
import { App, Button, Drawer, Form, Input, InputNumber, Select } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import {
  ACTIONS,
  type PolicyDraft,
  type PolicyStep,
  usePolicies,
  useSavePolicy,
  type Wait,
  WHENS,
} from "../../api/handling";
import { useDepartments } from "../../api/hooks";
import { Panel, QueryView } from "../../components/page";
import { ProblemAlert } from "../../components/problem-alert";
import { useMay } from "../../lib/session";

type Unit = "hours" | "days";
type StepRow = Pick<PolicyStep, "when" | "do"> & { amount: number; unit: Unit; repeat?: number };
type Values = { key: string; name: string; departments?: string[]; steps?: StepRow[] };

export function waitOf(amount: number, unit: Unit): Wait {
  return unit === "hours" ? { hours: amount } : { days: amount };
}

export function rowOf(step: PolicyStep): StepRow {
  const days = "days" in step.after;
  return {
    when: step.when,
    do: step.do,
    amount: "days" in step.after ? step.after.days : step.after.hours,
    unit: days ? "days" : "hours",
    repeat: step.repeat ?? 0,
  };
}

function PolicyForm(props: { policy: PolicyDraft; onDone: () => void }) {
  const { t } = useTranslation();
  const { message } = App.useApp();
  const save = useSavePolicy();
  const departments = useDepartments().data ?? [];
  const { policy } = props;
  const isNew = policy.version === undefined;
  const required = { required: true, message: t("app.required") };

  async function submit(values: Values) {
    // Waits between repeats that this form does not show stay as they are.
    const every = (row: StepRow) =>
      policy.steps.find((s) => s.when === row.when && s.do === row.do && rowOf(s).amount === row.amount)
        ?.every;
    try {
      await save.mutateAsync({
        key: isNew ? values.key.trim() : policy.key,
        name: values.name.trim(),
        departments: values.departments ?? [],
        steps: (values.steps ?? []).map((row) => ({
          when: row.when,
          after: waitOf(row.amount, row.unit),
          do: row.do,
          repeat: row.repeat ?? 0,
          every: every(row) ?? null,
        })),
        ...(policy.version !== undefined && { version: policy.version }),
      });
      message.success(t("app.saved"));
      props.onDone();
    } catch {
      // Shown above the form.
    }
  }

  return (
    <Form<Values>
      layout="vertical"
      onFinish={submit}
      initialValues={{ ...policy, steps: policy.steps.map(rowOf) }}
    >
      <ProblemAlert error={save.error} />
      {isNew && (
        <Form.Item name="key" label={t("departments.key")} rules={[required]}>
          <Input maxLength={120} />
        </Form.Item>
      )}
      <Form.Item name="name" label={t("policies.name")}>
        <Input maxLength={120} />
      </Form.Item>
      {policy.key !== "default" && (
        <Form.Item name="departments" label={t("policies.departments")}>
          <Select
            mode="multiple"
            allowClear
            options={departments.map((d) => ({ value: d.key, label: d.name || d.key }))}
          />
        </Form.Item>
      )}
      <Form.List name="steps">
        {(fields, { add, remove }) => (
          <div className="stack stack--tight" style={{ marginBottom: 16 }}>
            {fields.map(({ key, name }) => (
              <div key={key} className="voice">
                <div className="form-grid">
                  <Form.Item name={[name, "when"]} label={t("policies.when")} rules={[required]}>
                    <Select options={WHENS.map((w) => ({ value: w, label: t(`handling_when.${w}`) }))} />
                  </Form.Item>
                  <Form.Item name={[name, "amount"]} label={t("policies.after")} rules={[required]}>
                    <InputNumber min={0} max={500} precision={0} />
                  </Form.Item>
                  <Form.Item name={[name, "unit"]} label={t("policies.unit")} rules={[required]}>
                    <Select
                      options={[
                        { value: "hours", label: t("policies.hours") },
                        { value: "days", label: t("policies.days") },
                      ]}
                    />
                  </Form.Item>
                  <Form.Item name={[name, "do"]} label={t("policies.do")} rules={[required]}>
                    <Select options={ACTIONS.map((a) => ({ value: a, label: t(`handling_do.${a}`) }))} />
                  </Form.Item>
                  <Form.Item name={[name, "repeat"]} label={t("policies.repeat")}>
                    <InputNumber min={0} max={5} precision={0} />
                  </Form.Item>
                </div>
                <Button size="small" icon={<DeleteOutlined />} onClick={() => remove(name)}>
                  {t("app.remove")}
                </Button>
              </div>
            ))}
            <Button
              type="dashed"
              icon={<PlusOutlined />}
              onClick={() =>
                add({ when: "unanswered", amount: 8, unit: "hours", do: "remind_owner", repeat: 0 })
              }
            >
              {t("policies.add_step")}
            </Button>
          </div>
        )}
      </Form.List>
      <p className="faint">{t("policies.kept")}</p>
      <Button type="primary" htmlType="submit" loading={save.isPending}>
        {t("app.save")}
      </Button>
    </Form>
  );
}

/** What happens by itself to unanswered, silent and late tasks. */
export function PoliciesPage() {
  const { t } = useTranslation();
  const policies = usePolicies();
  const departments = useDepartments().data;
  const mayEdit = useMay("manage_organisation");
  const [editing, setEditing] = useState<PolicyDraft | null>(null);
  const name = (key: string) => departments?.find((d) => d.key === key)?.name || key;
  const wait = (after: Wait) =>
    "hours" in after ? t("policies.n_hours", { n: after.hours }) : t("policies.n_days", { n: after.days });
  return (
    <div className="stack">
      <div className="row row--between">
        <p className="soft">{t("policies.intro")}</p>
        {mayEdit && (
          <Button
            type="primary"
            onClick={() => setEditing({ key: "", name: "", departments: [], steps: [] })}
          >
            {t("policies.add")}
          </Button>
        )}
      </div>
      <QueryView query={policies}>
        {(items) => (
          <div className="stack">
            {items.map((policy) => (
              <Panel
                key={policy.key}
                title={policy.name || policy.key}
                extra={
                  mayEdit && (
                    <Button size="small" onClick={() => setEditing(policy)}>
                      {t("app.edit")}
                    </Button>
                  )
                }
              >
                <p className="faint">
                  {policy.key === "default"
                    ? t("policies.default")
                    : policy.departments.map(name).join(t("app.comma")) || t("policies.nobody")}
                </p>
                <ul className="stack stack--tight">
                  {policy.steps.map((step, index) => (
                    // biome-ignore lint/suspicious/noArrayIndexKey: steps have no name but their place
                    <li key={index}>
                      {t(`handling_when.${step.when}`)} · {wait(step.after)} · {t(`handling_do.${step.do}`)}
                      {(step.repeat ?? 0) > 0 && ` · ${t("policies.times", { n: step.repeat })}`}
                    </li>
                  ))}
                </ul>
              </Panel>
            ))}
          </div>
        )}
      </QueryView>
      <Drawer
        open={editing !== null}
        title={t(editing?.version === undefined ? "policies.add" : "policies.edit")}
        onClose={() => setEditing(null)}
        size={Math.min(720, window.innerWidth)}
        destroyOnHidden
      >
        {editing && <PolicyForm policy={editing} onDone={() => setEditing(null)} />}
      </Drawer>
    </div>
  );
}
