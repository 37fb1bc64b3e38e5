import { App, Button, Form, Input, InputNumber, Select } from "antd";
import { useTranslation } from "react-i18next";
import { useBusinessCalendars } from "../../api/calendars";
import { useOrganisation, useSaveOrganisation } from "../../api/hooks";
import { useInstallations } from "../../api/plugins";
import type { Organisation } from "../../api/types";
import { NoAccessPage } from "../../components/fallback-pages";
import { Panel, QueryView } from "../../components/page";
import { ProblemAlert } from "../../components/problem-alert";
import { useBilingual } from "../../lib/bilingual";
import { dayIn } from "../../lib/format";
import { useMay } from "../../lib/session";
import { zoneOptions } from "../../lib/zones";
import { ApprovalsFields } from "./approvals-fields";
import { GROUPS, organisationOf, type Values, valuesOf } from "./organisation-values";

function OrganisationForm(props: { organisation: Organisation }) {
  const { t } = useTranslation();
  const { message } = App.useApp();
  const save = useSaveOrganisation();
  const calendars = useBusinessCalendars().data ?? [];
  const say = useBilingual();
  const { organisation } = props;
  const notifiers = (useInstallations().data ?? []).filter((found) => found.role === "notifier");
  const required = { required: true, message: t("app.required") };
  const thisMonth = dayIn(new Date(), organisation.zone).slice(0, 7);
  return (
    <Form<Values>
      layout="vertical"
      style={{ maxWidth: 800 }}
      initialValues={valuesOf(organisation)}
      onFinish={async (values) => {
        try {
          await save.mutateAsync(organisationOf(values, organisation));
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
        name="arbiter_email"
        label={t("organisation.arbiter")}
        extra={t("organisation.arbiter_hint")}
        rules={[{ type: "email", message: t("departments.bad_email") }]}
      >
        <Input type="email" />
      </Form.Item>
      <Form.Item name="notifier" label={t("organisation.notifier")} extra={t("organisation.notifier_hint")}>
        <Select
          allowClear
          options={notifiers.map((found) => ({ value: found.key, label: found.title || found.key }))}
        />
      </Form.Item>
      <Form.Item name="refusal_hops" label={t("organisation.hops")} extra={t("organisation.hops_hint")}>
        <InputNumber min={1} max={20} precision={0} />
      </Form.Item>
      {organisation.approvals !== undefined && <ApprovalsFields />}
      {typeof organisation.fast_track_hours === "number" && (
        <>
          <h3 className="subhead">{t("hours.organisation")}</h3>
          <p className="faint" style={{ marginBottom: 10 }}>
            {t("hours.organisation_text")}
          </p>
          <div className="form-grid">
            <Form.Item name="calendar" label={t("hours.default_calendar")}>
              <Select
                allowClear
                placeholder={t("hours.built_in")}
                options={calendars.map((c) => ({
                  value: c.key,
                  label: say({ zh: c.name || c.key, en: c.name_en || c.name || c.key }),
                }))}
              />
            </Form.Item>
            <Form.Item
              name="fast_track_hours"
              label={t("hours.fast_track")}
              extra={t("hours.fast_track_hint")}
              rules={[required]}
            >
              <InputNumber
                min={1}
                max={2000}
                precision={0}
                suffix={t("hours.hour_unit")}
                style={{ width: 180 }}
              />
            </Form.Item>
            <Form.Item
              name="task_hours"
              label={t("hours.task_hours")}
              extra={t("hours.task_hours_hint")}
              rules={[required]}
            >
              <InputNumber
                min={1}
                max={2000}
                precision={0}
                suffix={t("hours.hour_unit")}
                style={{ width: 180 }}
              />
            </Form.Item>
          </div>
        </>
      )}
      <h3 className="subhead">{t("organisation.lines")}</h3>
      <p className="faint" style={{ marginBottom: 10 }}>
        {t("organisation.lines_text")}
      </p>
      <div className="form-grid">
        <Form.Item name="target" label={t("organisation.target")} extra={t("organisation.target_hint")}>
          <InputNumber min={0} max={100} precision={1} suffix="%" style={{ width: 180 }} />
        </Form.Item>
        {organisation.cut_lines && (
          <>
            <Form.Item
              name="cut_contacts"
              label={t("organisation.cut_contacts")}
              extra={t("organisation.cut_contacts_hint")}
            >
              <InputNumber min={0.1} max={1e9} style={{ width: 180 }} />
            </Form.Item>
            <Form.Item
              name="cut_negative"
              label={t("organisation.cut_negative")}
              extra={t("organisation.cut_negative_hint")}
            >
              <InputNumber min={0} max={100} precision={1} suffix="%" style={{ width: 180 }} />
            </Form.Item>
          </>
        )}
      </div>
      {organisation.tier_weights && (
        <>
          <h3 className="subhead">{t("organisation.tiers")}</h3>
          <p className="faint" style={{ marginBottom: 10 }}>
            {t("organisation.tiers_text")}
          </p>
          <Form.List name="tiers">
            {(fields, { add, remove }) => (
              <div className="stack stack--tight" style={{ marginBottom: 16 }}>
                {fields.map((field) => (
                  <div key={field.key} className="row">
                    <Form.Item name={[field.name, "tier"]} noStyle rules={[required]}>
                      <Input
                        aria-label={t("organisation.tier")}
                        placeholder={t("organisation.tier")}
                        maxLength={60}
                        style={{ width: 180 }}
                      />
                    </Form.Item>
                    <Form.Item name={[field.name, "weight"]} noStyle rules={[required]}>
                      <InputNumber
                        aria-label={t("organisation.weight")}
                        placeholder={t("organisation.weight")}
                        min={0}
                        max={100}
                        step={0.1}
                        prefix="×"
                        style={{ width: 120 }}
                      />
                    </Form.Item>
                    <Button type="text" onClick={() => remove(field.name)}>
                      {t("app.remove")}
                    </Button>
                  </div>
                ))}
                <div>
                  <Button size="small" onClick={() => add({ weight: 1 })}>
                    {t("organisation.add_tier")}
                  </Button>
                </div>
              </div>
            )}
          </Form.List>
        </>
      )}
      <h3 className="subhead">{t("organisation.costs")}</h3>
      <p className="faint" style={{ marginBottom: 10 }}>
        {t("organisation.costs_text")}
      </p>
      <div className="form-grid">
        <Form.Item
          name="unit_cost"
          label={t("organisation.unit_cost")}
          extra={t("organisation.unit_cost_hint")}
        >
          <InputNumber min={0} precision={2} style={{ width: 180 }} />
        </Form.Item>
        {typeof organisation.marginal_share === "number" && (
          <Form.Item
            name="marginal_share"
            label={t("organisation.marginal")}
            extra={t("organisation.marginal_hint")}
          >
            <InputNumber min={0} max={100} precision={1} suffix="%" style={{ width: 180 }} />
          </Form.Item>
        )}
      </div>
      {organisation.support_costs && (
        <Form.List name="costs">
          {(fields, { add, remove }) => (
            <div className="stack stack--tight" style={{ marginBottom: 18 }}>
              <span>{t("organisation.support_costs")}</span>
              {fields.map((field) => (
                <div key={field.key} className="row costs">
                  <Form.Item
                    name={[field.name, "month"]}
                    noStyle
                    rules={[required, { pattern: /^\d{4}-(0[1-9]|1[0-2])$/, message: "2026-03" }]}
                  >
                    <Input
                      aria-label={t("organisation.from_month")}
                      placeholder="2026-03"
                      maxLength={7}
                      style={{ width: 110 }}
                    />
                  </Form.Item>
                  {GROUPS.map((group) => (
                    <Form.Item key={group} name={[field.name, group]} noStyle>
                      <InputNumber
                        aria-label={t(`organisation.cost_${group}`)}
                        placeholder={t(`organisation.cost_${group}`)}
                        min={0}
                        precision={2}
                        prefix={t(`organisation.cost_${group}`)}
                        style={{ width: 172 }}
                      />
                    </Form.Item>
                  ))}
                  <Button type="text" onClick={() => remove(field.name)}>
                    {t("app.remove")}
                  </Button>
                </div>
              ))}
              <div>
                <Button size="small" onClick={() => add({ month: thisMonth }, 0)}>
                  {t("organisation.add_cost")}
                </Button>
              </div>
              <small className="faint">{t("organisation.support_costs_hint")}</small>
            </div>
          )}
        </Form.List>
      )}
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
