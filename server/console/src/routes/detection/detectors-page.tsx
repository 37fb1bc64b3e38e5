import { App, Button, Drawer, Form, Input, InputNumber, Select, Switch } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import {
  type DetectorDraft,
  useBacktest,
  useChannels,
  useDetectors,
  useRemoveDetector,
  useSaveDetector,
  useTopics,
} from "../../api/hooks";
import type { Detector } from "../../api/types";
import { Badge } from "../../components/badges";
import { EmptyState, Panel, QueryView } from "../../components/page";
import { ProblemAlert } from "../../components/problem-alert";
import { RemoveButton } from "../../components/remove-button";
import { addDays, dayIn, useFormat } from "../../lib/format";
import { useMay } from "../../lib/session";
import { useTopicNames } from "../../lib/topic-names";
import { colour } from "../../styles/tokens";

type Values = {
  key: string;
  topic?: string;
  channel?: string;
  region?: string;
  limit: number;
  enabled: boolean;
};

/** What the saved rule would have raised lately, before anybody relies on it. */
function Backtest(props: { detectorKey: string }) {
  const { t } = useTranslation();
  const format = useFormat();
  const nameOf = useTopicNames();
  const backtest = useBacktest();
  const to = dayIn(new Date(), format.zone);
  return (
    <div className="stack stack--tight" style={{ marginTop: 20 }}>
      <div className="row">
        <Button
          loading={backtest.isPending}
          onClick={() => backtest.mutate({ key: props.detectorKey, from: addDays(to, -27), to })}
        >
          {t("detectors.backtest")}
        </Button>
        <span className="faint">{t("detectors.backtest_saved")}</span>
      </div>
      <ProblemAlert error={backtest.error} />
      {backtest.data && (
        <div className="voice" role="status">
          {backtest.data.signals.length === 0
            ? t("detectors.backtest_none")
            : t("detectors.backtest_some", {
                signals: backtest.data.signals.length,
                issues: backtest.data.issues,
              })}
          <ul className="faint num">
            {backtest.data.signals.slice(-10).map((signal) => (
              <li key={`${signal.topic} ${signal.day}`}>
                {format.day(signal.day)} · {nameOf(signal.topic)} ·{" "}
                {t("detectors.backtest_row", { count: signal.count })}
              </li>
            ))}
          </ul>
        </div>
      )}
    </div>
  );
}

/** Edits a threshold: the kind of detector that this version has. */
function DetectorForm(props: { detector: DetectorDraft; onDone: () => void }) {
  const { t } = useTranslation();
  const { message } = App.useApp();
  const save = useSaveDetector();
  const remove = useRemoveDetector();
  const topics = useTopics();
  const channels = useChannels();
  const { detector } = props;
  const isNew = detector.version === undefined;
  const required = { required: true, message: t("app.required") };

  async function submit(values: Values) {
    const scope: Detector["scope"] = {};
    if (values.topic) scope.topic = values.topic;
    if (values.channel) scope.channel = values.channel;
    if (values.region?.trim()) scope.region = values.region.trim();
    try {
      await save.mutateAsync({
        key: isNew ? values.key.trim() : detector.key,
        kind: detector.kind,
        scope,
        params: { ...detector.params, limit: values.limit },
        enabled: values.enabled,
        owner: detector.owner ?? null,
        ...(detector.version !== undefined && { version: detector.version }),
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
        key: detector.key,
        topic: detector.scope.topic ?? undefined,
        channel: detector.scope.channel ?? undefined,
        region: detector.scope.region ?? undefined,
        limit: detector.params.limit,
        enabled: detector.enabled,
      }}
    >
      <ProblemAlert error={save.error ?? remove.error} />
      {isNew && (
        <Form.Item
          name="key"
          label={t("detectors.key")}
          extra={t("topics.key_hint")}
          rules={[required, { pattern: /^[^/\\?#\s][^/\\?#]*$/, message: t("topics.key_format") }]}
        >
          <Input maxLength={120} />
        </Form.Item>
      )}
      <Form.Item name="topic" label={t("detectors.scope_topic")}>
        <Select
          allowClear
          showSearch={{ optionFilterProp: "label" }}
          placeholder={t("detectors.scope_each_topic")}
          options={(topics.data ?? []).map((topic) => ({ value: topic.key, label: topic.name || topic.key }))}
        />
      </Form.Item>
      <Form.Item name="channel" label={t("detectors.scope_channel")}>
        <Select
          allowClear
          placeholder={t("detectors.scope_all")}
          options={(channels.data ?? []).map((c) => ({ value: c.key, label: c.name || c.key }))}
        />
      </Form.Item>
      <Form.Item name="region" label={t("field.region")}>
        <Input placeholder={t("detectors.scope_all")} />
      </Form.Item>
      <Form.Item
        name="limit"
        label={t("detectors.limit")}
        extra={t("detectors.limit_hint")}
        rules={[required]}
      >
        <InputNumber min={0} max={1_000_000} precision={0} style={{ width: 160 }} />
      </Form.Item>
      <Form.Item name="enabled" label={t("detectors.enabled")} valuePropName="checked">
        <Switch />
      </Form.Item>
      <div className="row row--between">
        <Button type="primary" htmlType="submit" loading={save.isPending}>
          {t("app.save")}
        </Button>
        {!isNew && (
          <RemoveButton
            remove={() => remove.mutateAsync(detector.key)}
            pending={remove.isPending}
            onDone={props.onDone}
          />
        )}
      </div>
      {!isNew && <Backtest detectorKey={detector.key} />}
    </Form>
  );
}

function Scope(props: { detector: Detector }) {
  const { t } = useTranslation();
  const nameOf = useTopicNames();
  const { topic, channel, region } = props.detector.scope;
  const parts = [topic ? nameOf(topic) : t("detectors.scope_each_topic"), channel, region].filter(Boolean);
  return <span>{parts.join(" · ")}</span>;
}

export function DetectorsPage() {
  const { t } = useTranslation();
  const detectors = useDetectors();
  const mayEdit = useMay("manage_organisation");
  const [editing, setEditing] = useState<DetectorDraft | null>(null);
  const add = mayEdit && (
    <Button
      type="primary"
      onClick={() =>
        setEditing({
          key: "",
          kind: "threshold",
          scope: {},
          params: { limit: 50, window: "1d" },
          enabled: true,
          owner: null,
        })
      }
    >
      {t("detectors.add")}
    </Button>
  );
  return (
    <div className="stack">
      <div className="row row--between">
        <p className="soft">{t("detectors.intro")}</p>
        {add}
      </div>
      <QueryView query={detectors}>
        {(items) => (
          <Panel flush>
            {items.length === 0 ? (
              <EmptyState title={t("detectors.none")} next={t("detectors.none_next")} action={add} />
            ) : (
              <ul className="records">
                {items.map((detector) => {
                  return (
                    <li key={detector.key} className="record">
                      <span>
                        <span className="record__title">
                          {t("detectors.threshold_text", { limit: detector.params.limit })}
                        </span>
                        <span className="record__meta">
                          <Scope detector={detector} />
                          <span className="code">{detector.key}</span>
                        </span>
                      </span>
                      <span className="record__side">
                        {detector.enabled ? (
                          <Badge colour={colour.teal700}>{t("detectors.enabled")}</Badge>
                        ) : (
                          <Badge colour={colour.inkFaint}>{t("detectors.off")}</Badge>
                        )}
                        {mayEdit && (
                          <Button size="small" onClick={() => setEditing(detector)}>
                            {t("app.edit")}
                          </Button>
                        )}
                      </span>
                    </li>
                  );
                })}
              </ul>
            )}
          </Panel>
        )}
      </QueryView>
      <Drawer
        open={editing !== null}
        title={t(editing?.version === undefined ? "detectors.add" : "detectors.edit")}
        onClose={() => setEditing(null)}
        size={Math.min(460, window.innerWidth)}
        destroyOnHidden
      >
        {editing && <DetectorForm detector={editing} onDone={() => setEditing(null)} />}
      </Drawer>
    </div>
  );
}
