import { App, Button, Input, Upload } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { type IcsOutcome, useImportCalendar } from "../../api/calendars";
import { Badge } from "../../components/badges";
import { ProblemAlert } from "../../components/problem-alert";
import { useBilingual } from "../../lib/bilingual";
import { useFormat } from "../../lib/format";
import { colour } from "../../styles/tokens";

function Difference(props: { outcome: IcsOutcome }) {
  const { t } = useTranslation();
  const format = useFormat();
  const say = useBilingual();
  const { changes, skipped } = props.outcome;
  return (
    <div className="stack stack--tight">
      <strong>{t("hours.ics_changes", { n: changes.length, read: props.outcome.read })}</strong>
      {changes.length > 0 && (
        <ul className="records" style={{ maxHeight: 280, overflow: "auto" }}>
          {changes.map((change) => (
            <li key={change.day} className="record">
              <span>
                <span className="record__title">{change.name}</span>
                <span className="record__meta num">
                  <span>{format.day(change.day)}</span>
                  {change.before && (
                    <span>
                      {t("hours.ics_before", {
                        what: t(`hours.${change.before}`),
                        name: change.name_before,
                      })}
                    </span>
                  )}
                </span>
              </span>
              <span className="record__side">
                <Badge colour={change.sort === "holiday" ? colour.teal700 : colour.accent}>
                  {t(`hours.${change.sort}`)}
                </Badge>
              </span>
            </li>
          ))}
        </ul>
      )}
      {skipped.length > 0 && (
        <details>
          <summary>{t("hours.ics_skipped", { n: skipped.length })}</summary>
          <ul>
            {skipped.map((event) => (
              <li key={event.line}>
                {t("hours.ics_line", { line: event.line, name: event.name || "—" })}
                <span className="faint">{say(event.sentence)}</span>
              </li>
            ))}
          </ul>
        </details>
      )}
    </div>
  );
}

/** Reads an iCalendar file: first what would change, then the change. */
export function IcsImport(props: { calendar: string; onDone: () => void }) {
  const { t } = useTranslation();
  const { message } = App.useApp();
  const preview = useImportCalendar(props.calendar);
  const apply = useImportCalendar(props.calendar);
  const [ics, setIcs] = useState("");

  async function change() {
    try {
      await apply.mutateAsync({ ics, apply: true });
      message.success(t("app.saved"));
      props.onDone();
    } catch {
      // Shown above the text.
    }
  }

  return (
    <div className="stack">
      <p className="soft">{t("hours.ics_text")}</p>
      <ProblemAlert error={apply.error ?? preview.error} />
      <div className="row">
        <Upload
          accept=".ics,text/calendar"
          showUploadList={false}
          beforeUpload={async (file) => {
            preview.reset();
            setIcs(await file.text());
            return Upload.LIST_IGNORE;
          }}
        >
          <Button>{t("hours.ics_file")}</Button>
        </Upload>
      </div>
      <Input.TextArea
        aria-label={t("hours.ics_paste")}
        placeholder={"BEGIN:VCALENDAR\n…"}
        value={ics}
        onChange={(event) => {
          preview.reset();
          setIcs(event.target.value);
        }}
        autoSize={{ minRows: 5, maxRows: 10 }}
      />
      <div className="row">
        <Button
          disabled={ics.trim() === ""}
          loading={preview.isPending}
          onClick={() => preview.mutate({ ics, apply: false })}
        >
          {t("hours.ics_preview")}
        </Button>
        {preview.data && preview.data.changes.length > 0 && (
          <Button type="primary" loading={apply.isPending} onClick={() => void change()}>
            {t("hours.ics_apply")}
          </Button>
        )}
      </div>
      {preview.data && <Difference outcome={preview.data} />}
    </div>
  );
}
