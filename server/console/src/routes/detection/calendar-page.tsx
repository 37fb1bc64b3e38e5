import { App, Button, DatePicker, Drawer, Form, Input, Radio, Select } from "antd";
import type { Dayjs } from "dayjs";
import dayjs from "dayjs";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { CalendarNote } from "../../api/evidence";
import {
  type CalendarNoteDraft,
  useCalendarNotes,
  useChannels,
  useRemoveCalendarNote,
  useSaveCalendarNote,
  useSourceGaps,
  useTopics,
} from "../../api/hooks";
import { Badge } from "../../components/badges";
import { EmptyState, Panel, QueryView } from "../../components/page";
import { ProblemAlert } from "../../components/problem-alert";
import { RemoveButton } from "../../components/remove-button";
import { dayIn, useFormat } from "../../lib/format";
import { useMay } from "../../lib/session";
import { useTopicNames } from "../../lib/topic-names";
import { colour } from "../../styles/tokens";

type Values = {
  name: string;
  kind: CalendarNote["kind"];
  days: [Dayjs, Dayjs];
  topics: string[];
  channels: string[];
};

/** A stable name that people need not think about. */
function keyOf(values: Values): string {
  const [from] = values.days;
  return `${from.format("YYYYMMDD")}-${values.name.trim().replace(/[\s/\\?#]+/g, "-")}`.slice(0, 120);
}

function NoteForm(props: { note: CalendarNoteDraft; onDone: () => void }) {
  const { t } = useTranslation();
  const { message } = App.useApp();
  const save = useSaveCalendarNote();
  const remove = useRemoveCalendarNote();
  const topics = useTopics();
  const channels = useChannels();
  const { note } = props;
  const isNew = note.version === undefined;
  const required = { required: true, message: t("app.required") };

  async function submit(values: Values) {
    const [from, to] = values.days;
    try {
      await save.mutateAsync({
        key: isNew ? keyOf(values) : note.key,
        name: values.name.trim(),
        kind: values.kind,
        from: from.format("YYYY-MM-DD"),
        to: to.format("YYYY-MM-DD"),
        topics: values.topics ?? [],
        channels: values.channels ?? [],
        ...(note.version !== undefined && { version: note.version }),
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
        name: note.name,
        kind: note.kind,
        days: [dayjs(note.from), dayjs(note.to)],
        topics: note.topics,
        channels: note.channels,
      }}
    >
      <ProblemAlert error={save.error ?? remove.error} />
      <Form.Item name="kind" label={t("calendar.kind")}>
        <Radio.Group
          options={[
            { value: "holiday", label: t("calendar.holiday") },
            { value: "event", label: t("calendar.event") },
            { value: "survey_changed", label: t("calendar.survey_changed") },
          ]}
        />
      </Form.Item>
      <Form.Item name="name" label={t("calendar.name")} rules={[{ ...required, whitespace: true }]}>
        <Input maxLength={100} placeholder={t("calendar.name_example")} />
      </Form.Item>
      <Form.Item name="days" label={t("calendar.days")} rules={[required]}>
        <DatePicker.RangePicker style={{ width: "100%" }} />
      </Form.Item>
      <Form.Item name="topics" label={t("calendar.topics")} extra={t("calendar.topics_hint")}>
        <Select
          mode="multiple"
          allowClear
          showSearch={{ optionFilterProp: "label" }}
          options={(topics.data ?? []).map((topic) => ({ value: topic.key, label: topic.name || topic.key }))}
        />
      </Form.Item>
      <Form.Item name="channels" label={t("calendar.channels")} extra={t("calendar.channels_hint")}>
        <Select
          mode="multiple"
          allowClear
          options={(channels.data ?? []).map((c) => ({ value: c.key, label: c.name || c.key }))}
        />
      </Form.Item>
      <div className="row row--between">
        <Button type="primary" htmlType="submit" loading={save.isPending}>
          {t("app.save")}
        </Button>
        {!isNew && (
          <RemoveButton
            remove={() => remove.mutateAsync(note.key)}
            pending={remove.isPending}
            onDone={props.onDone}
          />
        )}
      </div>
    </Form>
  );
}

function Notes() {
  const { t } = useTranslation();
  const format = useFormat();
  const nameOf = useTopicNames();
  const notes = useCalendarNotes();
  const mayEdit = useMay("manage_organisation");
  const [editing, setEditing] = useState<CalendarNoteDraft | null>(null);
  const today = dayIn(new Date(), format.zone);
  const add = mayEdit && (
    <Button
      type="primary"
      onClick={() =>
        setEditing({ key: "", name: "", kind: "holiday", from: today, to: today, topics: [], channels: [] })
      }
    >
      {t("calendar.add")}
    </Button>
  );
  return (
    <>
      <div className="row row--between">
        <p className="soft">{t("calendar.intro")}</p>
        {add}
      </div>
      <QueryView query={notes}>
        {(items) => (
          <Panel flush>
            {items.length === 0 ? (
              <EmptyState title={t("calendar.none")} next={t("calendar.none_next")} action={add} />
            ) : (
              <ul className="records">
                {[...items]
                  .sort((a, b) => b.from.localeCompare(a.from))
                  .map((note) => (
                    <li key={note.key} className="record">
                      <span>
                        <span className="record__title">{note.name}</span>
                        <span className="record__meta num">
                          <span>
                            {t("verification.window", {
                              from: format.day(note.from),
                              to: format.day(note.to),
                            })}
                          </span>
                          <span>
                            {note.topics.length > 0
                              ? note.topics.map(nameOf).join(t("app.comma"))
                              : t("calendar.all_topics")}
                          </span>
                          {note.channels.length > 0 && <span>{note.channels.join(t("app.comma"))}</span>}
                        </span>
                      </span>
                      <span className="record__side">
                        <Badge colour={note.kind === "holiday" ? colour.teal700 : colour.accent}>
                          {t(`calendar.${note.kind}_short`)}
                        </Badge>
                        {mayEdit && (
                          <Button size="small" onClick={() => setEditing(note)}>
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
        title={t(editing?.version === undefined ? "calendar.add" : "calendar.edit")}
        onClose={() => setEditing(null)}
        size={Math.min(460, window.innerWidth)}
        destroyOnHidden
      >
        {editing && <NoteForm note={editing} onDone={() => setEditing(null)} />}
      </Drawer>
    </>
  );
}

/** Channels that sent less than they should: those days never count as improvement. */
function Sources() {
  const { t } = useTranslation();
  const format = useFormat();
  const gaps = useSourceGaps();
  const channels = useChannels().data;
  return (
    <Panel title={t("sources.title")}>
      <p className="soft">{t("sources.text")}</p>
      <QueryView query={gaps}>
        {(items) =>
          items.length === 0 ? (
            <p className="faint">{t("sources.none")}</p>
          ) : (
            <ul className="records">
              {items.map((gap) => (
                <li key={`${gap.channel} ${gap.from}`} className="record">
                  <span>
                    <span className="record__title">
                      {channels?.find((c) => c.key === gap.channel)?.name || gap.channel}
                    </span>
                    <span className="record__meta num">
                      {gap.to
                        ? t("verification.window", { from: format.day(gap.from), to: format.day(gap.to) })
                        : t("sources.since", { day: format.day(gap.from) })}
                    </span>
                  </span>
                  <span className="record__side">
                    <Badge colour={gap.to ? colour.inkFaint : "#b3322c"}>
                      {t(gap.to ? "sources.back" : "sources.silent")}
                    </Badge>
                  </span>
                </li>
              ))}
            </ul>
          )
        }
      </QueryView>
    </Panel>
  );
}

export function CalendarPage() {
  return (
    <div className="stack">
      <Notes />
      <Sources />
    </div>
  );
}
