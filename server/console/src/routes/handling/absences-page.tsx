import { App, Button, DatePicker, Drawer, Form, Input } from "antd";
import type { Dayjs } from "dayjs";
import dayjs from "dayjs";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { type AbsenceDraft, useAbsences, useRemoveAbsence, useSaveAbsence } from "../../api/handling";
import { EmptyState, Panel, QueryView } from "../../components/page";
import { ProblemAlert } from "../../components/problem-alert";
import { RemoveButton } from "../../components/remove-button";
import { dayIn, useFormat } from "../../lib/format";
import { useMay } from "../../lib/session";

type Values = { email: string; days: [Dayjs, Dayjs]; substitute?: string; reason?: string };

function AbsenceForm(props: { absence: AbsenceDraft; onDone: () => void }) {
  const { t } = useTranslation();
  const { message } = App.useApp();
  const save = useSaveAbsence();
  const remove = useRemoveAbsence();
  const { absence } = props;
  const isNew = absence.version === undefined;
  const required = { required: true, message: t("app.required") };
  const email = { type: "email" as const, message: t("departments.bad_email") };

  async function submit(values: Values) {
    const [from, to] = values.days;
    const day = from.format("YYYY-MM-DD");
    try {
      await save.mutateAsync({
        key: isNew ? `${values.email.trim().toLowerCase()}-${day}` : absence.key,
        email: values.email.trim(),
        from: day,
        to: to.format("YYYY-MM-DD"),
        substitute: values.substitute?.trim() || null,
        reason: values.reason?.trim() ?? "",
        ...(absence.version !== undefined && { version: absence.version }),
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
        email: absence.email,
        days: [dayjs(absence.from), dayjs(absence.to)],
        substitute: absence.substitute ?? undefined,
        reason: absence.reason,
      }}
    >
      <ProblemAlert error={save.error ?? remove.error} />
      <Form.Item name="email" label={t("absences.email")} rules={[required, email]}>
        <Input type="email" disabled={!isNew} />
      </Form.Item>
      <Form.Item name="days" label={t("absences.days")} rules={[required]}>
        <DatePicker.RangePicker style={{ width: "100%" }} />
      </Form.Item>
      <Form.Item
        name="substitute"
        label={t("absences.substitute")}
        extra={t("absences.substitute_hint")}
        rules={[email]}
      >
        <Input type="email" />
      </Form.Item>
      <Form.Item name="reason" label={t("absences.reason")}>
        <Input maxLength={200} />
      </Form.Item>
      <div className="row row--between">
        <Button type="primary" htmlType="submit" loading={save.isPending}>
          {t("app.save")}
        </Button>
        {!isNew && (
          <RemoveButton
            remove={() => remove.mutateAsync(absence.key)}
            pending={remove.isPending}
            onDone={props.onDone}
          />
        )}
      </div>
    </Form>
  );
}

/** Who is away, and who stands in. */
export function AbsencesPage() {
  const { t } = useTranslation();
  const format = useFormat();
  const absences = useAbsences();
  const mayEdit = useMay("run_loop");
  const [editing, setEditing] = useState<AbsenceDraft | null>(null);
  const today = dayIn(new Date(), format.zone);
  const add = mayEdit && (
    <Button
      type="primary"
      onClick={() => setEditing({ key: "", email: "", from: today, to: today, substitute: null, reason: "" })}
    >
      {t("absences.add")}
    </Button>
  );
  return (
    <div className="stack">
      <div className="row row--between">
        <p className="soft">{t("absences.intro")}</p>
        {add}
      </div>
      <QueryView query={absences}>
        {(items) => (
          <Panel flush>
            {items.length === 0 ? (
              <EmptyState title={t("absences.none")} next={t("absences.none_next")} action={add} />
            ) : (
              <ul className="records">
                {items.map((absence) => (
                  <li key={absence.key} className="record">
                    <span>
                      <span className="record__title">{absence.email}</span>
                      <span className="record__meta num">
                        <span>
                          {t("verification.window", {
                            from: format.day(absence.from),
                            to: format.day(absence.to),
                          })}
                        </span>
                        <span>
                          {absence.substitute
                            ? t("absences.by", { who: absence.substitute })
                            : t("absences.by_department")}
                        </span>
                        {absence.reason && <span>{absence.reason}</span>}
                      </span>
                    </span>
                    <span className="record__side">
                      {mayEdit && (
                        <Button size="small" onClick={() => setEditing(absence)}>
                          {t("app.edit")}
                        </Button>
                      )}
                    </span>
                  </li>
                ))}
              </ul>
            )}
          </Panel>
        )}
      </QueryView>
      <Drawer
        open={editing !== null}
        title={t(editing?.version === undefined ? "absences.add" : "absences.edit")}
        onClose={() => setEditing(null)}
        size={Math.min(460, window.innerWidth)}
        destroyOnHidden
      >
        {editing && <AbsenceForm absence={editing} onDone={() => setEditing(null)} />}
      </Drawer>
    </div>
  );
}
