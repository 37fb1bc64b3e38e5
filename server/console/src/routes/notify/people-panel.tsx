import { Link } from "@tanstack/react-router";
import { App, Button, Checkbox, Form, Radio, Select, TimePicker } from "antd";
import dayjs, { type Dayjs } from "dayjs";
import customParseFormat from "dayjs/plugin/customParseFormat";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useDepartments } from "../../api/hooks";
import { PACES, type Preference, usePreference, useSavePreference } from "../../api/mail";
import type { Owner } from "../../api/types";
import { EmptyState, Panel, QueryView } from "../../components/page";
import { ProblemAlert } from "../../components/problem-alert";
import { useMay } from "../../lib/session";
import { zoneOptions } from "../../lib/zones";

dayjs.extend(customParseFormat);

type Row = { span: [Dayjs, Dayjs]; weekdays: number[] };
export type Values = {
  pace: Preference["pace"];
  daily_at: Dayjs;
  quiet: Row[];
  urgent_at_once: boolean;
  language?: Preference["language"];
  zone?: Preference["zone"];
};

const clock = (text: string) => dayjs(text, "HH:mm");

export function valuesOf(wish: Preference): Values {
  return {
    ...wish,
    daily_at: clock(wish.daily_at),
    quiet: wish.quiet.map((q) => ({ span: [clock(q.from), clock(q.to)], weekdays: q.weekdays })),
  };
}

export function wishOf(values: Values): Preference {
  return {
    pace: values.pace,
    daily_at: values.daily_at.format("HH:mm"),
    quiet: (values.quiet ?? []).map((q) => ({
      from: q.span[0].format("HH:mm"),
      to: q.span[1].format("HH:mm"),
      weekdays: [...(q.weekdays ?? [])].sort((a, b) => a - b),
    })),
    urgent_at_once: values.urgent_at_once,
    // What stands empty follows the department or the account.
    language: values.language ?? null,
    zone: values.zone ?? null,
  };
}

function WishForm(props: { email: string; wish: Preference }) {
  const { t, i18n } = useTranslation();
  const { message } = App.useApp();
  const save = useSavePreference(props.email);
  const mayEdit = useMay("manage_organisation");
  const [form] = Form.useForm<Values>();
  const pace = Form.useWatch("pace", form) ?? props.wish.pace;
  const required = { required: true, message: t("app.required") };
  // The first of January 2024 was a Monday.
  const weekday = new Intl.DateTimeFormat(i18n.language, { weekday: "long", timeZone: "UTC" });
  const days = [1, 2, 3, 4, 5, 6, 7].map((value) => ({
    value,
    label: weekday.format(Date.UTC(2024, 0, value)),
  }));
  return (
    <Form<Values>
      form={form}
      layout="vertical"
      disabled={!mayEdit}
      initialValues={valuesOf(props.wish)}
      onFinish={(values) =>
        save.mutate(wishOf({ ...valuesOf(props.wish), ...values }), {
          onSuccess: () => message.success(t("app.saved")),
        })
      }
    >
      <ProblemAlert error={save.error} />
      <div className="row">
        <Form.Item name="language" label={t("people.language")} style={{ flex: 1, minWidth: 180 }}>
          <Select
            allowClear
            placeholder={t("people.as_department")}
            options={(["zh-CN", "en"] as const).map((value) => ({ value, label: t(`language.${value}`) }))}
          />
        </Form.Item>
        <Form.Item name="zone" label={t("people.zone")} style={{ flex: 1, minWidth: 180 }}>
          <Select
            allowClear
            showSearch={{ optionFilterProp: "label" }}
            placeholder={t("people.as_department")}
            options={zoneOptions()}
          />
        </Form.Item>
      </div>
      <Form.Item name="pace" label={t("people.pace")}>
        <Radio.Group options={PACES.map((value) => ({ value, label: t(`people.${value}`) }))} />
      </Form.Item>
      {pace === "daily" && (
        <Form.Item name="daily_at" label={t("people.daily_at")} rules={[required]}>
          <TimePicker format="HH:mm" needConfirm={false} allowClear={false} />
        </Form.Item>
      )}
      <h3 style={{ fontSize: 14 }}>{t("people.quiet")}</h3>
      <p className="faint" style={{ marginBottom: 8 }}>
        {t("people.quiet_hint")}
      </p>
      <Form.List name="quiet">
        {(fields, { add, remove }) => (
          <div className="stack stack--tight">
            {fields.map((field) => (
              <div key={field.key} className="row">
                <Form.Item name={[field.name, "span"]} rules={[required]} style={{ marginBottom: 0 }}>
                  <TimePicker.RangePicker
                    format="HH:mm"
                    order={false}
                    needConfirm={false}
                    allowClear={false}
                  />
                </Form.Item>
                <Form.Item
                  name={[field.name, "weekdays"]}
                  style={{ marginBottom: 0, minWidth: 220, flex: 1 }}
                >
                  <Select
                    mode="multiple"
                    allowClear
                    placeholder={t("people.every_day")}
                    aria-label={t("people.weekdays")}
                    options={days}
                  />
                </Form.Item>
                <Button onClick={() => remove(field.name)}>{t("app.remove")}</Button>
              </div>
            ))}
            <div>
              <Button
                onClick={() => add({ span: [clock("22:00"), clock("08:00")], weekdays: [] })}
                disabled={!mayEdit || fields.length >= 10}
              >
                {t("people.add_quiet")}
              </Button>
            </div>
          </div>
        )}
      </Form.List>
      <Form.Item
        name="urgent_at_once"
        valuePropName="checked"
        extra={t("people.urgent_hint")}
        style={{ marginTop: 16 }}
      >
        <Checkbox>{t("people.urgent")}</Checkbox>
      </Form.Item>
      {mayEdit && (
        <Button type="primary" htmlType="submit" loading={save.isPending}>
          {t("app.save")}
        </Button>
      )}
    </Form>
  );
}

function Person(props: { email: string; owner: Owner | undefined }) {
  const { t } = useTranslation();
  const wish = usePreference(props.email);
  const { owner } = props;
  return (
    <Panel title={owner?.name ? `${owner.name} · ${props.email}` : props.email}>
      {owner && (
        <p className="soft" style={{ marginBottom: 12 }}>
          {t("departments.owner_language")}: {t(`language.${owner.language ?? "zh-CN"}`)} · {t("people.zone")}
          : {owner.time_zone ?? t("people.zone_default")} ·{" "}
          <Link to="/settings/departments">{t("people.change_there")}</Link>
        </p>
      )}
      <QueryView query={wish}>
        {(data) => <WishForm key={props.email} email={props.email} wish={data} />}
      </QueryView>
    </Panel>
  );
}

/** How often and when a person gets mails. */
export function PeoplePanel() {
  const { t } = useTranslation();
  const departments = useDepartments();
  const [email, setEmail] = useState<string | undefined>();
  const owners = (departments.data ?? []).flatMap((department) => department.owners);
  const known = new Map(owners.map((owner) => [owner.email, owner]));
  for (const { manager_email, deputy_email } of departments.data ?? []) {
    for (const other of [manager_email, deputy_email]) {
      if (other && !known.has(other)) known.set(other, { email: other } as Owner);
    }
  }
  return (
    <div className="stack">
      <p className="soft">{t("people.intro")}</p>
      <Select
        showSearch={{ optionFilterProp: "label" }}
        loading={departments.isPending}
        placeholder={t("people.pick")}
        aria-label={t("people.pick")}
        style={{ width: "100%", maxWidth: 420 }}
        value={email}
        onChange={setEmail}
        options={[...known].map(([value, owner]) => ({
          value,
          label: owner.name ? `${owner.name} · ${value}` : value,
        }))}
      />
      {email ? (
        <Person key={email} email={email} owner={known.get(email)} />
      ) : (
        <Panel>
          <EmptyState title={t("people.none")} next={t("people.none_next")} />
        </Panel>
      )}
    </div>
  );
}
