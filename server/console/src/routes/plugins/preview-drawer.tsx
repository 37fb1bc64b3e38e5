import { Button, Drawer } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { type Previewed, type Stream, usePreviewStream } from "../../api/plugins";
import { Loading } from "../../components/page";
import { ProblemAlert } from "../../components/problem-alert";

/** What stands in a field of a voice, as the plugin made it: numbers and marks as they are. */
const plain = (value: unknown) => (typeof value === "string" ? value : JSON.stringify(value));

export function PreviewedRecords(props: { seen: Previewed }) {
  const { t } = useTranslation();
  const { items, rejected } = props.seen;
  return (
    <div className="stack">
      <h3>{t("installations.preview_items", { n: items.length })}</h3>
      {items.length === 0 && <p className="soft">{t("installations.preview_none")}</p>}
      {items.map((item, place) => (
        <dl
          // biome-ignore lint/suspicious/noArrayIndexKey: a list that never changes, whose records may lack an id
          key={place}
          className="facts"
          data-preview="item"
        >
          {Object.entries(item).map(([field, value]) => (
            <div key={field}>
              <dt className="code">{field}</dt>
              <dd style={{ overflowWrap: "anywhere" }}>{plain(value)}</dd>
            </div>
          ))}
        </dl>
      ))}
      {rejected.length > 0 && (
        <>
          <h3>{t("installations.preview_rejected", { n: rejected.length })}</h3>
          {rejected.map((record, place) => (
            <div
              // biome-ignore lint/suspicious/noArrayIndexKey: as above
              key={place}
              className="stack stack--tight"
              data-preview="rejected"
            >
              <span>
                {record.external_id && <strong>{record.external_id} </strong>}
                {record.detail} <span className="faint code">{record.code}</span>
              </span>
              {record.raw && <pre className="mail-text code">{record.raw}</pre>}
            </div>
          ))}
        </>
      )}
    </div>
  );
}

/** A look at the first records of a stream, before they count. */
export function PreviewStream(props: { installation: string; stream: Stream }) {
  const { t } = useTranslation();
  const [open, setOpen] = useState(false);
  const preview = usePreviewStream(props.installation);
  const { stream } = props;
  return (
    <>
      <Button
        size="small"
        onClick={() => {
          setOpen(true);
          preview.mutate(stream.name);
        }}
      >
        {t("installations.preview")}
      </Button>
      <Drawer
        title={`${t("installations.preview")} · ${stream.title || stream.name}`}
        open={open}
        onClose={() => setOpen(false)}
        size={Math.min(640, window.innerWidth)}
        destroyOnHidden
      >
        <div className="stack">
          <p className="faint">{t("installations.preview_intro")}</p>
          <ProblemAlert error={preview.error} />
          {preview.isPending && <Loading />}
          {preview.data && <PreviewedRecords seen={preview.data} />}
        </div>
      </Drawer>
    </>
  );
}
