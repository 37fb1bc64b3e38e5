import { App, Button, Form, Input, InputNumber, Select } from "antd";
import { useTranslation } from "react-i18next";
import { useOrganisation, useSaveOrganisation } from "../../api/hooks";
import type { Organisation } from "../../api/types";
import { NoAccessPage } from "../../components/fallback-pages";
import { Panel, QueryView } from "../../components/page";
import { ProblemAlert } from "../../components/problem-alert";
import { useMay } from "../../lib/session";
import { zoneOptions } from "../../lib/zones";

/** As people write it: money in units, the target in percent. */
type Values = {
  name: string;
  zone: string;
  locale: Organisation["locale"];
  unit_cost?: number | null;
  target?: number | null;
  arbiter_email?: string;
};

function OrganisationForm(props: { organisation: Organisation }) {
  const { t } = useTranslation();
  const { message } = App.useApp();
  const save = useSaveOrganisation();
  const { organisation } = props;
  const required = { required: true, message: t("app.required") };
  const cost = organisation.unit_cost_cents_per_minute;
  const target = organisation.target_dissatisfaction;
  return (
    <Form<Values>
      layout="vertical"
      style={{ maxWidth: 560 }}
      initialValues={{
        name: organisation.name,
        zone: organisation.zone,
        locale: organisation.locale,
        unit_cost: typeof cost === "number" ? cost / 100 : null,
        target: typeof target === "number" ? Math.round(target * 1000) / 10 : null,
        arbiter_email: organisation.arbiter_email ?? "",
      }}
      onFinish={async (values) => {
        try {
          await save.mutateAsync({
            name: values.name.trim(),
            zone: values.zone,
            locale: values.locale,
            unit_cost_cents_per_minute:
              typeof values.unit_cost === "number" ? Math.round(values.unit_cost * 100) : null,
            target_dissatisfaction: typeof values.target === "number" ? values.target / 100 : null,
            arbiter_email: values.arbiter_email?.trim() || null,
            version: organisation.version,
          });
          message.success(t("app.saved"));
        } catch {
          // Shown above the form.
        }
      }}
    >
      <ProblemAlert error={save.error} />
      <Form.Item name="name" label={t("organisation.name")} rules={[{ ...required, whitespace: true }]}>
        <Input maxLength={120} />
      </Form.Item>
      <Form.Item name="zone" label={t("organisation.zone")} rules={[required]}>
        <Select showSearch options={zoneOptions()} />
      </Form.Item>
      <Form.Item name="locale" label={t("organisation.locale")}>
        <Select
          options={[
            { value: "zh-CN", label: t("language.zh-CN") },
            { value: "en", label: t("language.en") },
          ]}
        />
      </Form.Item>
      <Form.Item
        name="unit_cost"
        label={t("organisation.unit_cost")}
        extra={t("organisation.unit_cost_hint")}
      >
        <InputNumber min={0} precision={2} style={{ width: 180 }} />
      </Form.Item>
      <Form.Item name="target" label={t("organisation.target")} extra={t("organisation.target_hint")}>
        <InputNumber min={0} max={100} precision={1} suffix="%" style={{ width: 180 }} />
      </Form.Item>
      <Form.Item
        name="arbiter_email"
        label={t("organisation.arbiter")}
        extra={t("organisation.arbiter_hint")}
        rules={[{ type: "email", message: t("departments.bad_email") }]}
      >
        <Input type="email" />
      </Form.Item>
      <Button type="primary" htmlType="submit" loading={save.isPending}>
        {t("app.save")}
      </Button>
    </Form>
  );
}

export function OrganisationPage() {
  const { t } = useTranslation();
  const organisation = useOrganisation();
  if (!useMay("manage_organisation")) return <NoAccessPage />;
  return (
    <div className="stack">
      <p className="soft">{t("organisation.intro")}</p>
      <QueryView query={organisation}>
        {(data) => (
          <Panel>
            <OrganisationForm key={data.version} organisation={data} />
          </Panel>
        )}
      </QueryView>
    </div>
  );
}
