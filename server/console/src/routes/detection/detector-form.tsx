import { Collapse, Form, type FormInstance, Input, InputNumber, Select, Switch } from "antd";
import { useTranslation } from "react-i18next";
import { type DetectorKind, type DetectorParams, ISSUE_KINDS, type IssueKind } from "../../api/evidence";
import { type DetectorDraft, useChannels, useTopics } from "../../api/hooks";
import type { Detector } from "../../api/types";
import { word } from "../../i18n";
import { fromForm, IMMEDIATE, PARAMS, type Param, scopesOf, toForm, WINDOWS, windowParts } from "./kinds";

export type Values = {
  key?: string;
  topic?: string;
  channel?: string;
  region?: string;
  owner?: string;
  raises?: IssueKind;
  enabled: boolean;
  params: DetectorParams;
};

export function valuesOf(draft: DetectorDraft): Values {
  const { topic, channel, region } = draft.scope;
  return {
    key: draft.key,
    ...(topic && { topic }),
    ...(channel && { channel }),
    ...(region && { region }),
    owner: draft.owner ?? "",
    ...(draft.raises && { raises: draft.raises }),
    enabled: draft.enabled,
    params: toForm(draft.kind, draft.params),
  };
}

/** The rule as the form describes it; what the form does not show stays. */
export function draftOf(draft: DetectorDraft, values: Values): DetectorDraft {
  const scope: Detector["scope"] = {};
  const narrowed = scopesOf(draft.kind);
  if (values.topic && narrowed.includes("topic")) scope.topic = values.topic;
  if (values.channel && narrowed.includes("channel")) scope.channel = values.channel;
  if (values.region?.trim() && narrowed.includes("region")) scope.region = values.region.trim();
  return {
    ...draft,
    key: draft.version === undefined ? (values.key ?? "").trim() : draft.key,
    scope,
    params: fromForm(draft.kind, values.params ?? {}, draft.version === undefined ? {} : draft.params),
    enabled: values.enabled,
    owner: values.owner?.trim() || null,
    raises: values.raises ?? null,
  };
}

function ParamField(props: { param: Param }) {
  const { t } = useTranslation();
  const { param } = props;
  const percent = param.type === "share" ? 100 : 1;
  if (param.type === "yes") {
    return (
      <Form.Item
        name={["params", param.name]}
        label={word("param", param.name)}
        extra={word("param_hint", param.name)}
        valuePropName="checked"
      >
        <Switch />
      </Form.Item>
    );
  }
  return (
    <Form.Item
      name={["params", param.name]}
      label={word("param", param.name)}
      extra={word("param_hint", param.name)}
      rules={[
        { required: true, message: t("app.required") },
        ...(param.type === "words"
          ? [{ type: "array" as const, min: 1, max: param.max, message: t("detectors.phrases_needed") }]
          : []),
      ]}
    >
      {param.type === "window" ? (
        <WindowSelect />
      ) : param.type === "words" ? (
        <Select
          mode="tags"
          open={false}
          suffixIcon={null}
          tokenSeparators={["\n", ",", "，", "、"]}
          placeholder={t("detectors.phrases_placeholder")}
        />
      ) : (
        <InputNumber
          min={param.min * percent}
          max={param.max * percent}
          {...(param.type === "whole" ? { precision: 0 } : {})}
          {...(param.step ? { step: param.step } : {})}
          {...(param.type === "share" ? { suffix: "%" } : {})}
          style={{ width: 180 }}
        />
      )}
    </Form.Item>
  );
}

/** A window in words: `1d` is a calendar day, `24h` are the hours before a voice. */
function WindowSelect(props: { id?: string; value?: string; onChange?: (value: string) => void }) {
  const { t } = useTranslation();
  const { value } = props;
  const all = value && !WINDOWS.includes(value) ? [...WINDOWS, value] : WINDOWS;
  const label = (window: string) => {
    const parts = windowParts(window);
    if (!parts) return window;
    if (window === "1d") return t("detectors.window_today");
    return t(`detectors.window_${parts.unit}`, { n: parts.n });
  };
  return (
    <Select
      {...props}
      style={{ width: 260 }}
      options={all.map((window) => ({ value: window, label: label(window) }))}
    />
  );
}

/** What the kind does, in words, and when it looks. */
export function KindText(props: { kind: DetectorKind }) {
  const { t } = useTranslation();
  return (
    <div className="voice">
      <strong>{word("detector_kind", props.kind)}</strong>
      <p>{word("detector_hint", props.kind)}</p>
      <p className="faint">{t(IMMEDIATE.has(props.kind) ? "detectors.immediate" : "detectors.daily")}</p>
    </div>
  );
}

export function DetectorForm(props: {
  form: FormInstance<Values>;
  draft: DetectorDraft;
  onSave: (values: Values) => void;
}) {
  const { t } = useTranslation();
  const topics = useTopics();
  const channels = useChannels();
  const { draft } = props;
  const scopes = scopesOf(draft.kind);
  const main = PARAMS[draft.kind].filter((param) => !param.fine);
  const fine = PARAMS[draft.kind].filter((param) => param.fine);
  const required = { required: true, message: t("app.required") };
  return (
    <Form<Values> form={props.form} layout="vertical" onFinish={props.onSave} initialValues={valuesOf(draft)}>
      {draft.version === undefined && (
        <Form.Item
          name="key"
          label={t("detectors.key")}
          extra={t("detectors.key_hint")}
          rules={[required, { pattern: /^[^/\\?#\s][^/\\?#]*$/, message: t("topics.key_format") }]}
        >
          <Input maxLength={120} />
        </Form.Item>
      )}
      {main.map((param) => (
        <ParamField key={param.name} param={param} />
      ))}
      {fine.length > 0 && (
        <Collapse
          ghost
          size="small"
          style={{ marginBottom: 12 }}
          items={[
            {
              key: "fine",
              forceRender: true,
              label: t("detectors.fine"),
              children: fine.map((param) => <ParamField key={param.name} param={param} />),
            },
          ]}
        />
      )}
      {scopes.length > 0 && <h3 className="subhead">{t("detectors.scope")}</h3>}
      {scopes.includes("topic") && (
        <Form.Item name="topic" label={t("detectors.scope_topic")} extra={t("detectors.scope_topic_hint")}>
          <Select
            allowClear
            showSearch={{ optionFilterProp: "label" }}
            placeholder={t("detectors.scope_each_topic")}
            options={(topics.data ?? []).map((topic) => ({
              value: topic.key,
              label: topic.name || topic.key,
            }))}
          />
        </Form.Item>
      )}
      {scopes.includes("channel") && (
        <Form.Item name="channel" label={t("detectors.scope_channel")}>
          <Select
            allowClear
            placeholder={t(
              draft.kind === "silent_source" ? "detectors.scope_each_channel" : "detectors.scope_all",
            )}
            options={(channels.data ?? []).map((c) => ({ value: c.key, label: c.name || c.key }))}
          />
        </Form.Item>
      )}
      {scopes.includes("region") && (
        <Form.Item name="region" label={t("field.region")}>
          <Input placeholder={t("detectors.scope_all")} />
        </Form.Item>
      )}
      <Form.Item name="owner" label={t("detectors.owner")} extra={t("detectors.owner_hint")}>
        <Input maxLength={200} />
      </Form.Item>
      <Form.Item name="raises" label={t("kind.of_rule")} extra={t("kind.of_rule_hint")}>
        <Select
          allowClear
          placeholder={t("kind.of_rule_none")}
          options={ISSUE_KINDS.map((value) => ({ value, label: t(`issue_kind.${value}`) }))}
        />
      </Form.Item>
      <Form.Item name="enabled" label={t("detectors.enabled")} valuePropName="checked">
        <Switch />
      </Form.Item>
    </Form>
  );
}
