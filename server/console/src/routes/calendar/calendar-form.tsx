import { App, Button, DatePicker, Form, Input, Select, Switch } from "antd";
import type { Dayjs } from "dayjs";
import dayjs from "dayjs";
import { useTranslation } from "react-i18next";
import {
  type CalendarDraft,
  useRemoveBusinessCalendar,
  useSaveBusinessCalendar,
  WEEKDAYS,
  type Weekday,
} from "../../api/calendars";
import { ProblemAlert } from "../../components/problem-alert";
import { RemoveButton } from "../../components/remove-button";
import { zoneOptions } from "../../lib/zones";
import { spansOf, textOf } from "./week-text";

type Values = {
  key: string;
  name: string;
  name_en?: string;
  zone: string;
  week: Record<Weekday, string>;
  base: boolean;
  follows_make_up_days: boolean;
  holidays?: { days?: [Dayjs, Dayjs]; name?: string; name_en?: string }[];
  extra?: { day?: Dayjs; name?: string; name_en?: string; hours?: string; like?: Weekday }[];
};

const ISO = "YYYY-MM-DD";

function valuesOf(calendar: CalendarDraft): Partial<Values> {
  return {
    key: calendar.key,
    name: calendar.name,
    name_en: calendar.name_en,
    zone: calendar.zone,
    week: Object.fromEntries(WEEKDAYS.map((day) => [day, textOf(calendar.week[day])])) as Values["week"],
    base: calendar.base !== null,
    follows_make_up_days: calendar.follows_make_up_days,
    holidays: calendar.holidays.map((h) => ({
      days: [dayjs(h.from), dayjs(h.to ?? h.from)],
      name: h.name,
      name_en: h.name_en ?? "",
    })),
    extra: calendar.extra_workdays.map((w) => ({
      day: dayjs(w.day),
      name: w.name,
      name_en: w.name_en ?? "",
      hours: textOf(w.spans),
      ...(w.like && { like: w.like }),
    })),
  };
}

function draftOf(values: Values, calendar: CalendarDraft): CalendarDraft {
  return {
    key: calendar.version === undefined ? values.key.trim() : calendar.key,
    name: values.name.trim(),
    name_en: (values.name_en ?? "").trim(),
    zone: values.zone,
    week: Object.fromEntries(
      WEEKDAYS.map((day) => [day, spansOf(values.week[day] ?? "") ?? []]),
    ) as CalendarDraft["week"],
    base: values.base ? "cn" : null,
    follows_make_up_days: values.follows_make_up_days,
    holidays: (values.holidays ?? []).flatMap((h) => {
      if (!h.days) return [];
      const [from, to] = [h.days[0].format(ISO), h.days[1].format(ISO)];
      return [
        {
          from,
          ...(to !== from && { to }),
          name: (h.name ?? "").trim(),
          name_en: (h.name_en ?? "").trim(),
        },
      ];
    }),
    extra_workdays: (values.extra ?? []).flatMap((w) => {
      if (!w.day) return [];
      const spans = spansOf(w.hours ?? "") ?? [];
      return [
        {
          day: w.day.format(ISO),
          name: (w.name ?? "").trim(),
          name_en: (w.name_en ?? "").trim(),
          // A form without a field for it must not lose what another program set.
          ...(spans.length > 0 ? { spans } : w.like && { like: w.like }),
        },
      ];
    }),
    ...(calendar.version !== undefined && { version: calendar.version }),
  };
}

/** Hours of the week, days off and extra workdays of one calendar. */
export function CalendarForm(props: { calendar: CalendarDraft; onDone: () => void }) {
  const { t } = useTranslation();
  const { message } = App.useApp();
  const [form] = Form.useForm<Values>();
  const save = useSaveBusinessCalendar();
  const remove = useRemoveBusinessCalendar();
  const { calendar } = props;
  const isNew = calendar.version === undefined;
  const required = { required: true, message: t("app.required") };
  const hours = {
    validator: (_: unknown, text?: string) =>
      spansOf(text ?? "") === null ? Promise.reject(new Error(t("hours.bad_hours"))) : Promise.resolve(),
  };

  async function submit(values: Values) {
    try {
      await save.mutateAsync(draftOf(values, calendar));
      message.success(t(isNew ? "app.saved" : "hours.saved"));
      props.onDone();
    } catch {
      // Shown above the form.
    }
  }

  return (
    <Form<Values> form={form} layout="vertical" onFinish={submit} initialValues={valuesOf(calendar)}>
      <ProblemAlert error={save.error ?? remove.error} />
      <div className="form-grid">
        {isNew && (
          <Form.Item
            name="key"
            label={t("departments.key")}
            extra={t("hours.key_hint")}
            rules={[required, { pattern: /^[^/\\?#\s][^/\\?#]*$/, message: t("topics.key_format") }]}
          >
            <Input maxLength={120} placeholder="factory" />
          </Form.Item>
        )}
        <Form.Item name="name" label={t("hours.name")} rules={[{ ...required, whitespace: true }]}>
          <Input maxLength={120} />
        </Form.Item>
        <Form.Item name="name_en" label={t("hours.name_en")}>
          <Input maxLength={120} />
        </Form.Item>
        <Form.Item name="zone" label={t("hours.zone")} rules={[required]}>
          <Select showSearch options={zoneOptions()} />
        </Form.Item>
      </div>
      <h3 className="subhead" style={{ marginTop: 18 }}>
        {t("hours.week")}
      </h3>
      <p className="faint">{t("hours.week_hint")}</p>
      <div className="week-hours">
        {WEEKDAYS.map((day) => (
          <Form.Item key={day} name={["week", day]} label={t(`hours.${day}`)} rules={[hours]}>
            <Input placeholder={t("hours.free")} maxLength={200} />
          </Form.Item>
        ))}
      </div>
      <Button
        size="small"
        onClick={() => {
          const monday = form.getFieldValue(["week", "mon"]);
          for (const day of ["tue", "wed", "thu", "fri"] as const) form.setFieldValue(["week", day], monday);
        }}
      >
        {t("hours.copy_monday")}
      </Button>
      <h3 className="subhead" style={{ marginTop: 18 }}>
        {t("hours.public")}
      </h3>
      <Form.Item name="base" label={t("hours.base")} extra={t("hours.base_hint")} valuePropName="checked">
        <Switch />
      </Form.Item>
      <Form.Item
        name="follows_make_up_days"
        label={t("hours.follows")}
        extra={t("hours.follows_hint")}
        valuePropName="checked"
      >
        <Switch />
      </Form.Item>
      <h3 className="subhead" style={{ marginTop: 18 }}>
        {t("hours.holidays")}
      </h3>
      <Form.List name="holidays">
        {(fields, list) => (
          <div className="stack stack--tight">
            {fields.map((field) => (
              <div key={field.key} className="row">
                <Form.Item name={[field.name, "days"]} noStyle rules={[required]}>
                  <DatePicker.RangePicker style={{ width: 250 }} />
                </Form.Item>
                <Form.Item name={[field.name, "name"]} noStyle rules={[{ ...required, whitespace: true }]}>
                  <Input
                    aria-label={t("hours.day_name")}
                    placeholder={t("hours.day_name")}
                    maxLength={120}
                    style={{ width: 150 }}
                  />
                </Form.Item>
                <Form.Item name={[field.name, "name_en"]} noStyle>
                  <Input
                    aria-label={t("hours.name_en")}
                    placeholder={t("hours.name_en")}
                    maxLength={120}
                    style={{ width: 150 }}
                  />
                </Form.Item>
                <Button type="text" onClick={() => list.remove(field.name)}>
                  {t("app.remove")}
                </Button>
              </div>
            ))}
            <div>
              <Button size="small" onClick={() => list.add({})}>
                {t("hours.add_holiday")}
              </Button>
            </div>
          </div>
        )}
      </Form.List>
      <h3 className="subhead" style={{ marginTop: 18 }}>
        {t("hours.extra")}
      </h3>
      <Form.List name="extra">
        {(fields, list) => (
          <div className="stack stack--tight" style={{ marginBottom: 20 }}>
            {fields.map((field) => (
              <div key={field.key} className="row">
                <Form.Item name={[field.name, "like"]} hidden>
                  <Input />
                </Form.Item>
                <Form.Item name={[field.name, "day"]} noStyle rules={[required]}>
                  <DatePicker style={{ width: 140 }} />
                </Form.Item>
                <Form.Item name={[field.name, "name"]} noStyle rules={[{ ...required, whitespace: true }]}>
                  <Input
                    aria-label={t("hours.day_name")}
                    placeholder={t("hours.day_name")}
                    maxLength={120}
                    style={{ width: 150 }}
                  />
                </Form.Item>
                <Form.Item name={[field.name, "hours"]} noStyle rules={[hours]}>
                  <Input
                    aria-label={t("hours.own_hours")}
                    placeholder={t("hours.own_hours")}
                    maxLength={200}
                    style={{ width: 200 }}
                  />
                </Form.Item>
                <Button type="text" onClick={() => list.remove(field.name)}>
                  {t("app.remove")}
                </Button>
              </div>
            ))}
            <div>
              <Button size="small" onClick={() => list.add({})}>
                {t("hours.add_extra")}
              </Button>
            </div>
          </div>
        )}
      </Form.List>
      {!isNew && <p className="soft">{t("hours.effect")}</p>}
      <div className="row row--between">
        <Button type="primary" htmlType="submit" loading={save.isPending}>
          {t("app.save")}
        </Button>
        {!isNew && (
          <RemoveButton
            remove={() => remove.mutateAsync(calendar.key)}
            pending={remove.isPending}
            onDone={props.onDone}
          />
        )}
      </div>
    </Form>
  );
}
