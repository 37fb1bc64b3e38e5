import { Alert, AutoComplete, Button, DatePicker, Form, Select } from "antd";
import type { Dayjs } from "dayjs";
import dayjs from "dayjs";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Channel, ImportPreview } from "../../api/types";
import { Badge } from "../../components/badges";
import { Panel } from "../../components/page";
import { word } from "../../i18n";
import { dayIn, useFormat } from "../../lib/format";
import { colour } from "../../styles/tokens";
import {
  FIELD_GROUPS,
  type FieldGroup,
  flaws,
  guessed,
  hasTime,
  isAttribute,
  sampleRows,
  toMapping,
} from "./mapping";

export type MappingResult = { channel: string; mapping: Record<string, string>; occurred_at?: string };

const SKIP = "";

/** A field of a voice, or a declared attribute, in the reader's words. */
function fieldName(field: string): string {
  const [kind, name] = field.split(":", 2);
  return name && isAttribute(field) ? `${word("field", kind ?? field)}: ${name}` : word("field", field);
}

function Preview(props: { preview: ImportPreview; choice: Record<number, string | null>; changed: boolean }) {
  const { t } = useTranslation();
  const format = useFormat();
  const { fields, rows } = sampleRows(props.preview.columns, props.choice);
  // Two columns for one field are said above; there is nothing to show until one of them gives way.
  if (fields.length === 0 || rows.length === 0 || flaws(props.choice).length > 0) return null;
  // Unchanged, the server's own reading is shown: dates understood, figures parsed.
  const read = props.changed ? [] : props.preview.rows_preview.slice(0, 3);
  const names = read.length > 0 ? [...new Set(read.flatMap((row) => Object.keys(row)))] : fields;
  const cells =
    read.length > 0
      ? read.map((row) =>
          names.map((name) => {
            const value = row[name];
            if (value === null || value === undefined) return "";
            if (name === "occurred_at" && typeof value === "string") return format.dateTime(value);
            return typeof value === "object" ? JSON.stringify(value) : String(value);
          }),
        )
      : rows;
  return (
    <Panel
      title={t("import.preview")}
      extra={props.changed && <span className="faint">{t("import.preview_changed")}</span>}
    >
      <div className="scroll-x">
        <table className="table table--nowrap">
          <thead>
            <tr>
              {names.map((name, column) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: several columns may be attributes
                <th key={column}>{fieldName(name)}</th>
              ))}
            </tr>
          </thead>
          <tbody>
            {cells.map((row, index) => (
              // Rows of a file have no identity of their own but their place.
              // biome-ignore lint/suspicious/noArrayIndexKey: the place is the identity
              <tr key={index}>
                {row.map((cell, column) => (
                  // biome-ignore lint/suspicious/noArrayIndexKey: several columns may be attributes
                  <td key={column} title={cell}>
                    {cell.length > 60 ? `${cell.slice(0, 60)}…` : cell}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Panel>
  );
}

/** Check and correct what each column means, name the channel, date what has no date, and start. */
export function MappingForm(props: {
  preview: ImportPreview;
  channels: readonly Channel[];
  starting: boolean;
  onStart: (result: MappingResult) => void;
  onBack: () => void;
}) {
  const { t } = useTranslation();
  const format = useFormat();
  const { preview, channels } = props;
  const first = useMemo(() => guessed(preview.columns), [preview]);
  const [choice, setChoice] = useState(first);
  const [channel, setChannel] = useState("");
  const [day, setDay] = useState<Dayjs | null>(null);
  const [tried, setTried] = useState(false);

  const changed = preview.columns.some((column) => choice[column.index] !== first[column.index]);
  const found = flaws(choice);
  const dated = hasTime(choice);
  const channelMissing = channel.trim() === "";

  const options = (Object.keys(FIELD_GROUPS) as FieldGroup[]).map((group) => ({
    label: t(`field.group_${group}`),
    options: FIELD_GROUPS[group].map((field) => ({ value: field as string, label: fieldName(field) })),
  }));

  function start() {
    setTried(true);
    if (found.length > 0 || channelMissing) return;
    props.onStart({
      channel: channel.trim(),
      mapping: toMapping(preview.columns, choice),
      ...(day && { occurred_at: day.format("YYYY-MM-DD") }),
    });
  }

  return (
    <div className="stack">
      <Panel
        title={t("import.check_title")}
        extra={
          <span className="faint num">
            {preview.file_name} ·{" "}
            {preview.encoding
              ? t("import.file_facts", {
                  format: preview.format.toUpperCase(),
                  encoding: preview.encoding,
                  rows: format.count(preview.rows_seen),
                })
              : t("import.file_facts_plain", {
                  format: preview.format.toUpperCase(),
                  rows: format.count(preview.rows_seen),
                })}
          </span>
        }
      >
        <p className="soft">{t("import.check_intro")}</p>
        {preview.title_rows > 0 && (
          <p className="faint">{t("import.title_rows", { n: preview.title_rows })}</p>
        )}
        {preview.warnings.length > 0 && (
          <Alert
            type="warning"
            style={{ margin: "10px 0" }}
            title={t("import.warnings")}
            description={
              <ul>
                {preview.warnings.map((warning) => (
                  <li key={`${warning.code} ${warning.detail}`}>
                    {word("import_warning", warning.code)} <span className="faint">{warning.detail}</span>
                  </li>
                ))}
              </ul>
            }
          />
        )}
        <div className="mapping" style={{ marginTop: 12 }}>
          <div className="mapping__row mapping__row--head">
            <span>{t("import.column")}</span>
            <span>{t("import.samples")}</span>
            <span>{t("import.meaning")}</span>
          </div>
          {preview.columns.map((column) => {
            const header = column.header || t("import.no_header", { n: column.index + 1 });
            const field = choice[column.index] ?? SKIP;
            const known = options.some((group) => group.options.some((option) => option.value === field));
            return (
              <div
                key={column.index}
                className={field === SKIP ? "mapping__row mapping__row--skipped" : "mapping__row"}
              >
                <div>
                  <div className="mapping__header">{header}</div>
                  {field !== (first[column.index] ?? SKIP) ? (
                    <Badge colour={colour.accent}>{t("import.changed")}</Badge>
                  ) : (
                    field !== SKIP && <span className="faint">{t("import.guessed")}</span>
                  )}
                </div>
                <ul className="samples mapping__samples">
                  {column.samples.slice(0, 3).map((sample, index) => (
                    // biome-ignore lint/suspicious/noArrayIndexKey: samples may repeat; their place is the identity
                    <li key={index} title={sample}>
                      {sample === "" ? <span className="faint">{t("import.empty_value")}</span> : sample}
                    </li>
                  ))}
                </ul>
                <Select
                  aria-label={`${header}: ${t("import.meaning")}`}
                  showSearch={{ optionFilterProp: "label" }}
                  value={field}
                  onChange={(value: string) =>
                    setChoice((now) => ({ ...now, [column.index]: value === SKIP ? null : value }))
                  }
                  options={[
                    { value: SKIP, label: t("import.skip") },
                    ...(known || field === SKIP ? [] : [{ value: field, label: fieldName(field) }]),
                    ...options,
                  ]}
                  status={
                    found.some((flaw) => flaw.kind === "duplicate" && flaw.field === field) ? "error" : ""
                  }
                />
              </div>
            );
          })}
        </div>
        {found.map((flaw) => (
          <Alert
            key={flaw.kind === "duplicate" ? flaw.field : flaw.kind}
            type="error"
            style={{ marginTop: 8 }}
            title={
              flaw.kind === "duplicate"
                ? t("import.duplicate_field", { field: fieldName(flaw.field) })
                : t("import.need_content")
            }
          />
        ))}
        {Object.values(choice).includes("topic") && (
          <p className="faint" style={{ marginTop: 8 }}>
            {t("import.topic_note")}
          </p>
        )}
      </Panel>
      <Preview preview={preview} choice={choice} changed={changed} />
      <Panel>
        <Form layout="vertical" onFinish={start}>
          <div className="columns" style={{ gridTemplateColumns: "repeat(auto-fit, minmax(240px, 1fr))" }}>
            <Form.Item
              label={t("import.channel")}
              htmlFor="import-channel"
              extra={t("import.channel_hint")}
              required
              {...(tried && channelMissing
                ? { validateStatus: "error" as const, help: t("import.channel_required") }
                : {})}
            >
              <AutoComplete
                id="import-channel"
                value={channel}
                onChange={(value: string) => setChannel(value ?? "")}
                options={channels.map((known) => ({
                  value: known.key,
                  label: known.name && known.name !== known.key ? `${known.name} (${known.key})` : known.key,
                }))}
              />
            </Form.Item>
            <Form.Item
              label={t("import.occurred_at")}
              htmlFor="import-day"
              extra={t("import.occurred_at_hint")}
            >
              <DatePicker
                id="import-day"
                value={day}
                onChange={(value) => setDay(value)}
                maxDate={dayjs(dayIn(new Date(), format.zone))}
                style={{ width: "100%" }}
              />
            </Form.Item>
          </div>
          {!dated && !day && (
            <Alert type="warning" title={t("import.occurred_at_needed")} style={{ marginBottom: 12 }} />
          )}
          <p className="faint" style={{ marginBottom: 12 }}>
            {t("import.history_note")}
          </p>
          <div className="row">
            <Button type="primary" htmlType="submit" loading={props.starting} disabled={found.length > 0}>
              {t("import.start")}
            </Button>
            <Button onClick={props.onBack}>{t("import.start_over")}</Button>
          </div>
        </Form>
      </Panel>
    </div>
  );
}
