import { Form, Input, InputNumber, Select } from "antd";
import { useTranslation } from "react-i18next";
import { KINDS, type Kind, type TrackWish } from "../../api/work";

export type KindValues = {
  kind?: Kind;
  track?: TrackWish["by"];
  group?: string;
  total?: number | null;
  url?: string;
};

/** What a new task says of its kind and of how progress is told; nothing where it is left to the rules. */
export function kindOf(values: KindValues): { kind?: Kind; track?: TrackWish } {
  const kind = values.kind && values.kind !== "other" ? { kind: values.kind } : {};
  switch (values.track) {
    case undefined:
      return kind;
    case "coverage":
      return {
        ...kind,
        track: { by: "coverage", group: (values.group ?? "").trim(), total: values.total ?? 1 },
      };
    case "ticket":
      return { ...kind, track: { by: "ticket", url: (values.url ?? "").trim() } };
    default:
      return { ...kind, track: { by: values.track } };
  }
}

/** What sort of improvement it is, and how its progress is told. */
export function KindFields() {
  const { t } = useTranslation();
  const form = Form.useFormInstance<KindValues>();
  const track = Form.useWatch("track", form);
  const required = { required: true, message: t("app.required") };
  return (
    <>
      <Form.Item name="kind" label={t("work.kind")} initialValue="other">
        <Select
          options={KINDS.map((value) => ({ value, label: t(`improvement_kind.${value}`) }))}
          onChange={(kind: Kind) => form.setFieldValue("track", kind === "training" ? "coverage" : undefined)}
        />
      </Form.Item>
      <Form.Item name="track" label={t("work.track")} extra={t("work.track_hint")}>
        <Select
          allowClear
          placeholder={t("work.track_usual")}
          options={(["percent", "checklist", "coverage", "ticket"] as const).map((value) => ({
            value,
            label: t(`track.${value}`),
          }))}
        />
      </Form.Item>
      {track === "coverage" && (
        <div className="row">
          <Form.Item name="group" label={t("work.group")} rules={[{ ...required, whitespace: true }]}>
            <Input maxLength={200} />
          </Form.Item>
          <Form.Item name="total" label={t("work.total")} rules={[required]}>
            <InputNumber min={1} max={1_000_000} precision={0} />
          </Form.Item>
        </div>
      )}
      {track === "ticket" && (
        <Form.Item name="url" label={t("work.url")} rules={[{ type: "url", message: t("work.url_wrong") }]}>
          <Input maxLength={2000} inputMode="url" />
        </Form.Item>
      )}
    </>
  );
}
