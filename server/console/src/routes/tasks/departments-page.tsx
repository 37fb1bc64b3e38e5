import { DeleteOutlined, PlusOutlined } from "@ant-design/icons";
import { App, Button, Drawer, Form, Input, Select } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useBusinessCalendars } from "../../api/calendars";
import {
  type DepartmentDraft,
  useDepartments,
  useRemoveDepartment,
  useSaveDepartment,
} from "../../api/hooks";
import { useInstallations } from "../../api/plugins";
import type { Owner } from "../../api/types";
import { EmptyState, Panel, QueryView } from "../../components/page";
import { ProblemAlert } from "../../components/problem-alert";
import { RemoveButton } from "../../components/remove-button";
import { useBilingual } from "../../lib/bilingual";
import { useMay } from "../../lib/session";
import { zoneOptions } from "../../lib/zones";

type OwnerRow = { name?: string; email: string; language?: Owner["language"]; time_zone?: string };
type Values = {
  key: string;
  name: string;
  owners?: OwnerRow[];
  manager_email?: string;
  deputy_email?: string;
  notifier?: string;
  calendar?: string;
};

function DepartmentForm(props: { department: DepartmentDraft; onDone: () => void }) {
  const { t } = useTranslation();
  const { message } = App.useApp();
  const save = useSaveDepartment();
  const remove = useRemoveDepartment();
  const notifiers = (useInstallations().data ?? []).filter((found) => found.role === "notifier");
  const calendars = useBusinessCalendars().data ?? [];
  const say = useBilingual();
  const { department } = props;
  const isNew = department.version === undefined;
  const email = { type: "email" as const, message: t("departments.bad_email") };
  const required = { required: true, message: t("app.required") };

  async function submit(values: Values) {
    try {
      await save.mutateAsync({
        key: isNew ? values.key.trim() : department.key,
        name: values.name.trim(),
        owners: (values.owners ?? []).map((owner) => ({
          email: owner.email.trim(),
          name: (owner.name ?? "").trim(),
          language: owner.language ?? "zh-CN",
          ...(owner.time_zone && { time_zone: owner.time_zone }),
        })),
        manager_email: values.manager_email?.trim() || null,
        deputy_email: values.deputy_email?.trim() || null,
        notifier: values.notifier ?? null,
        calendar: values.calendar ?? null,
        ...(department.version !== undefined && { version: department.version }),
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
      initialValues={{
        ...department,
        manager_email: department.manager_email ?? undefined,
        deputy_email: department.deputy_email ?? undefined,
        notifier: department.notifier ?? undefined,
        calendar: department.calendar ?? undefined,
      }}
    >
      <ProblemAlert error={save.error ?? remove.error} />
      {isNew && (
        <Form.Item
          name="key"
          label={t("departments.key")}
          extra={t("topics.key_hint")}
          rules={[required, { pattern: /^[^/\\?#\s][^/\\?#]*$/, message: t("topics.key_format") }]}
        >
          <Input maxLength={120} />
        </Form.Item>
      )}
      <Form.Item name="name" label={t("departments.name")} rules={[{ ...required, whitespace: true }]}>
        <Input maxLength={120} />
      </Form.Item>
      <h3 style={{ fontSize: 14, marginBottom: 8 }}>{t("departments.owners")}</h3>
      <Form.List name="owners">
        {(fields, { add, remove }) => (
          <div className="stack stack--tight" style={{ marginBottom: 16 }}>
            {fields.map(({ key, name }) => (
              <div key={key} className="voice">
                <div className="form-grid">
                  <Form.Item name={[name, "name"]} label={t("departments.owner_name")}>
                    <Input />
                  </Form.Item>
                  <Form.Item
                    name={[name, "email"]}
                    label={t("departments.owner_email")}
                    rules={[required, email]}
                  >
                    <Input type="email" />
                  </Form.Item>
                  <Form.Item
                    name={[name, "language"]}
                    label={t("departments.owner_language")}
                    initialValue="zh-CN"
                  >
                    <Select
                      options={[
                        { value: "zh-CN", label: t("language.zh-CN") },
                        { value: "en", label: t("language.en") },
                      ]}
                    />
                  </Form.Item>
                  <Form.Item name={[name, "time_zone"]} label={t("departments.owner_zone")}>
                    <Select allowClear showSearch options={zoneOptions()} />
                  </Form.Item>
                </div>
                <Button size="small" icon={<DeleteOutlined />} onClick={() => remove(name)}>
                  {t("app.remove")}
                </Button>
              </div>
            ))}
            <Button type="dashed" icon={<PlusOutlined />} onClick={() => add()}>
              {t("departments.add_owner")}
            </Button>
          </div>
        )}
      </Form.List>
      <div className="form-grid">
        <Form.Item name="manager_email" label={t("departments.manager")} rules={[email]}>
          <Input type="email" />
        </Form.Item>
        <Form.Item name="deputy_email" label={t("departments.deputy")} rules={[email]}>
          <Input type="email" />
        </Form.Item>
        <Form.Item name="notifier" label={t("departments.notifier")} extra={t("departments.notifier_hint")}>
          <Select
            allowClear
            options={notifiers.map((found) => ({ value: found.key, label: found.title || found.key }))}
          />
        </Form.Item>
        <Form.Item name="calendar" label={t("hours.department")} extra={t("hours.department_hint")}>
          <Select
            allowClear
            options={calendars.map((c) => ({
              value: c.key,
              label: say({ zh: c.name || c.key, en: c.name_en || c.name || c.key }),
            }))}
          />
        </Form.Item>
      </div>
      <div className="row row--between">
        <Button type="primary" htmlType="submit" loading={save.isPending}>
          {t("app.save")}
        </Button>
        {!isNew && (
          <RemoveButton
            remove={() => remove.mutateAsync(department.key)}
            pending={remove.isPending}
            onDone={props.onDone}
          />
        )}
      </div>
    </Form>
  );
}

export function DepartmentsPage() {
  const { t } = useTranslation();
  const departments = useDepartments();
  const mayEdit = useMay("manage_organisation");
  const [editing, setEditing] = useState<DepartmentDraft | null>(null);
  const add = mayEdit && (
    <Button
      type="primary"
      onClick={() => setEditing({ key: "", name: "", owners: [], manager_email: null, deputy_email: null })}
    >
      {t("departments.add")}
    </Button>
  );
  return (
    <div className="stack">
      <div className="row row--between">
        <p className="soft">{t("departments.intro")}</p>
        {add}
      </div>
      <QueryView query={departments}>
        {(items) => (
          <Panel flush>
            {items.length === 0 ? (
              <EmptyState title={t("departments.none")} next={t("departments.none_next")} action={add} />
            ) : (
              <ul className="records">
                {items.map((department) => (
                  <li key={department.key} className="record">
                    <span>
                      <span className="record__title">{department.name || department.key}</span>
                      <span className="record__meta">
                        {department.owners.length === 0 ? (
                          <span className="danger">{t("departments.no_owner")}</span>
                        ) : (
                          department.owners.map((owner, index) => (
                            <span key={owner.email}>
                              {owner.name || owner.email}
                              {owner.name && ` <${owner.email}>`}
                              {index === 0 && department.owners.length > 1 && ` (${t("departments.first")})`}
                            </span>
                          ))
                        )}
                      </span>
                    </span>
                    {mayEdit && (
                      <span className="record__side">
                        <Button size="small" onClick={() => setEditing(department)}>
                          {t("app.edit")}
                        </Button>
                      </span>
                    )}
                  </li>
                ))}
              </ul>
            )}
          </Panel>
        )}
      </QueryView>
      <Drawer
        open={editing !== null}
        title={t(editing?.version === undefined ? "departments.add" : "departments.edit")}
        onClose={() => setEditing(null)}
        size={Math.min(560, window.innerWidth)}
        destroyOnHidden
      >
        {editing && <DepartmentForm department={editing} onDone={() => setEditing(null)} />}
      </Drawer>
    </div>
  );
}
