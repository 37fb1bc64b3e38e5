import { Alert, App, Button, Form, Input, Modal, Popconfirm, Select } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useAddToken, useRevokeToken, useTokens } from "../../api/hooks";
import type { Role } from "../../api/types";
import { CopyButton } from "../../components/copy-button";
import { NoAccessPage } from "../../components/fallback-pages";
import { EmptyState, Panel, QueryView } from "../../components/page";
import { ProblemAlert } from "../../components/problem-alert";
import { useFormat } from "../../lib/format";
import { useMay } from "../../lib/session";
import { ROLES } from "./users-page";

const LIFETIMES = [30, 90, 365] as const;

type Values = { name: string; role: Role; days: number };

function Tokens() {
  const { t } = useTranslation();
  const format = useFormat();
  const { message } = App.useApp();
  const tokens = useTokens();
  const add = useAddToken();
  const revoke = useRevokeToken();
  const [form] = Form.useForm<Values>();
  const [asking, setAsking] = useState(false);
  const [secret, setSecret] = useState<string | null>(null);

  async function create(values: Values) {
    try {
      const token = await add.mutateAsync({
        name: values.name.trim(),
        role: values.role,
        expires_at: values.days > 0 ? new Date(Date.now() + values.days * 86_400_000).toISOString() : null,
      });
      setAsking(false);
      setSecret(token.token ?? null);
    } catch {
      // Shown in the form.
    }
  }

  return (
    <div className="stack">
      <div className="row row--between">
        <p className="soft">{t("tokens.intro")}</p>
        <Button
          type="primary"
          onClick={() => {
            add.reset();
            setAsking(true);
          }}
        >
          {t("tokens.add")}
        </Button>
      </div>
      <ProblemAlert error={revoke.error} />
      <QueryView query={tokens}>
        {(items) => (
          <Panel flush>
            {items.length === 0 ? (
              <EmptyState title={t("tokens.none")} />
            ) : (
              <ul className="records">
                {items.map((token) => (
                  <li key={token.id} className="record">
                    <span>
                      <span className="record__title">{token.name}</span>
                      <span className="record__meta">
                        <span>{t(`role.${token.role}`)}</span>
                        <span>
                          {t("tokens.created")} {format.date(token.created_at)}
                        </span>
                        <span>
                          {token.expires_at
                            ? t("tokens.expires_at", { at: format.date(token.expires_at) })
                            : t("tokens.never")}
                        </span>
                        <span>
                          {token.last_used_at
                            ? `${t("tokens.last_used")} ${format.dateTime(token.last_used_at)}`
                            : t("tokens.unused")}
                        </span>
                      </span>
                    </span>
                    <span className="record__side">
                      <Popconfirm
                        title={t("tokens.revoke_ask")}
                        okText={t("tokens.revoke")}
                        cancelText={t("app.back")}
                        onConfirm={async () => {
                          try {
                            await revoke.mutateAsync(token.id);
                            message.success(t("tokens.revoked"));
                          } catch {
                            // Shown above the list.
                          }
                        }}
                      >
                        <Button size="small" danger>
                          {t("tokens.revoke")}
                        </Button>
                      </Popconfirm>
                    </span>
                  </li>
                ))}
              </ul>
            )}
          </Panel>
        )}
      </QueryView>
      <Modal
        open={asking}
        title={t("tokens.add")}
        okText={t("tokens.add")}
        cancelText={t("app.cancel")}
        confirmLoading={add.isPending}
        onCancel={() => setAsking(false)}
        onOk={() => form.submit()}
        destroyOnHidden
      >
        <Form<Values>
          form={form}
          layout="vertical"
          preserve={false}
          initialValues={{ role: "integrator", days: 365 }}
          onFinish={(values) => void create(values)}
        >
          <ProblemAlert error={add.error} />
          <Form.Item
            name="name"
            label={t("tokens.name")}
            rules={[{ required: true, whitespace: true, message: t("app.required") }]}
          >
            <Input maxLength={120} />
          </Form.Item>
          <Form.Item name="role" label={t("tokens.role")}>
            <Select options={ROLES.map((value) => ({ value, label: t(`role.${value}`) }))} />
          </Form.Item>
          <Form.Item name="days" label={t("tokens.expires")}>
            <Select
              options={[
                ...LIFETIMES.map((days) => ({ value: days as number, label: t("tokens.days", { n: days }) })),
                { value: 0, label: t("tokens.never") },
              ]}
            />
          </Form.Item>
        </Form>
      </Modal>
      <Modal
        open={secret !== null}
        title={t("tokens.once_title")}
        closable={false}
        footer={
          <Button type="primary" onClick={() => setSecret(null)}>
            {t("tokens.once_close")}
          </Button>
        }
      >
        <div className="stack stack--tight">
          <Alert type="warning" showIcon title={t("tokens.once_text")} />
          <p className="mail-text code">{secret}</p>
          <div>{secret && <CopyButton text={secret} label={t("app.copy")} primary />}</div>
        </div>
      </Modal>
    </div>
  );
}

export function TokensPage() {
  return useMay("manage_access") ? <Tokens /> : <NoAccessPage />;
}
