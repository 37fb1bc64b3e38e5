import { App, Button, Drawer, Form, Input, Popconfirm, Select } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { type NewUser, useAddUser, useChangeUser, useDepartments, useUsers } from "../../api/hooks";
import type { Role } from "../../api/types";
import { Badge } from "../../components/badges";
import { NoAccessPage } from "../../components/fallback-pages";
import { EmptyState, Panel, QueryView } from "../../components/page";
import { ProblemAlert } from "../../components/problem-alert";
import { useMay, useSession } from "../../lib/session";
import { colour } from "../../styles/tokens";

export const ROLES: readonly Role[] = [
  "admin",
  "voc_owner",
  "department_owner",
  "analyst",
  "integrator",
  "viewer",
];

function UserForm(props: { onDone: () => void }) {
  const { t } = useTranslation();
  const { message } = App.useApp();
  const { organisation } = useSession();
  const add = useAddUser();
  const departments = useDepartments();
  const [form] = Form.useForm<NewUser>();
  const role = Form.useWatch("role", form);
  const required = { required: true, message: t("app.required") };
  return (
    <Form<NewUser>
      form={form}
      layout="vertical"
      autoComplete="off"
      initialValues={{ role: "viewer", language: organisation.locale }}
      onFinish={async (values) => {
        try {
          await add.mutateAsync({ ...values, department: values.department ?? null });
          message.success(t("app.saved"));
          props.onDone();
        } catch {
          // Shown above the form.
        }
      }}
    >
      <ProblemAlert error={add.error} />
      <Form.Item name="name" label={t("users.name")} rules={[{ ...required, whitespace: true }]}>
        <Input maxLength={120} />
      </Form.Item>
      <Form.Item
        name="email"
        label={t("users.email")}
        rules={[required, { type: "email", message: t("departments.bad_email") }]}
      >
        <Input type="email" autoComplete="off" />
      </Form.Item>
      <Form.Item name="role" label={t("users.role")} rules={[required]}>
        <Select options={ROLES.map((value) => ({ value, label: t(`role.${value}`) }))} />
      </Form.Item>
      {role === "department_owner" && (
        <Form.Item name="department" label={t("users.department")} rules={[required]}>
          <Select options={(departments.data ?? []).map((d) => ({ value: d.key, label: d.name || d.key }))} />
        </Form.Item>
      )}
      <Form.Item name="language" label={t("users.language")}>
        <Select
          options={[
            { value: "zh-CN", label: t("language.zh-CN") },
            { value: "en", label: t("language.en") },
          ]}
        />
      </Form.Item>
      <Form.Item
        name="password"
        label={t("users.password")}
        extra={t("users.password_hint")}
        rules={[required, { min: 10, message: t("users.password_short") }]}
      >
        <Input.Password autoComplete="new-password" />
      </Form.Item>
      <Button type="primary" htmlType="submit" loading={add.isPending}>
        {t("users.add")}
      </Button>
    </Form>
  );
}

function Users() {
  const { t } = useTranslation();
  const users = useUsers();
  const change = useChangeUser();
  const session = useSession();
  const [adding, setAdding] = useState(false);
  return (
    <div className="stack">
      <div className="row row--between">
        <p className="soft">{t("users.intro")}</p>
        <Button type="primary" onClick={() => setAdding(true)}>
          {t("users.add")}
        </Button>
      </div>
      <ProblemAlert error={change.error} />
      <QueryView query={users}>
        {(items) => (
          <Panel flush>
            {items.length === 0 ? (
              <EmptyState title={t("users.none")} />
            ) : (
              <ul className="records">
                {items.map((user) => (
                  <li key={user.id} className="record">
                    <span>
                      <span className="record__title">{user.name || user.email}</span>
                      <span className="record__meta">
                        <span>{user.email}</span>
                        {user.department && <span>{user.department}</span>}
                      </span>
                    </span>
                    <span className="record__side">
                      <Badge colour={user.role === "admin" ? colour.accent : colour.teal700}>
                        {t(`role.${user.role}`)}
                      </Badge>
                      {user.disabled && <span className="faint">{t("users.inactive")}</span>}
                      {user.id !== session.user.id &&
                        (user.disabled ? (
                          <Button
                            size="small"
                            onClick={() => change.mutate({ id: user.id, disabled: false })}
                          >
                            {t("users.enable")}
                          </Button>
                        ) : (
                          <Popconfirm
                            title={t("users.disable_ask")}
                            okText={t("users.disable")}
                            cancelText={t("app.back")}
                            onConfirm={() => change.mutate({ id: user.id, disabled: true })}
                          >
                            <Button size="small">{t("users.disable")}</Button>
                          </Popconfirm>
                        ))}
                    </span>
                  </li>
                ))}
              </ul>
            )}
          </Panel>
        )}
      </QueryView>
      <Drawer
        open={adding}
        title={t("users.add")}
        onClose={() => setAdding(false)}
        size={Math.min(440, window.innerWidth)}
        destroyOnHidden
      >
        <UserForm onDone={() => setAdding(false)} />
      </Drawer>
    </div>
  );
}

export function UsersPage() {
  return useMay("manage_access") ? <Users /> : <NoAccessPage />;
}
