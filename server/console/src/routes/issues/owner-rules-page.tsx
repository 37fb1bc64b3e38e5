import { Link } from "@tanstack/react-router";
import { App, Button, Form, Input, Select } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useTopics } from "../../api/hooks";
import { type OwnerRules, useAskRoute, useOwnerRules, useSaveOwnerRules } from "../../api/life";
import { ProblemError } from "../../api/problem";
import { Panel, QueryView } from "../../components/page";
import { ProblemAlert } from "../../components/problem-alert";
import { languageOf } from "../../i18n";
import { useFormat } from "../../lib/format";
import { useMay } from "../../lib/session";
import { topicName } from "../../lib/topic-names";
import { RouteResult } from "./route-panel";

/** What the server says of single lines. */
function Faults(props: { error: unknown }) {
  if (!(props.error instanceof ProblemError) || props.error.problem.errors.length === 0) {
    return <ProblemAlert error={props.error} />;
  }
  return (
    <ul className="stack stack--tight" role="alert">
      {props.error.problem.errors.map((fault) => (
        <li key={`${fault.field} ${fault.code}`} className="flagged">
          {fault.detail}
        </li>
      ))}
    </ul>
  );
}

function Ask(props: { text: string; changed: boolean }) {
  const { t, i18n } = useTranslation();
  const topics = useTopics();
  const ask = useAskRoute();
  const english = languageOf(i18n.language) === "en";
  return (
    <Panel title={t("rules.who")}>
      <Form
        layout="vertical"
        onFinish={(values: Record<string, string | undefined>) => {
          const body = Object.fromEntries(
            Object.entries(values).filter(([, value]) => value !== undefined && value !== ""),
          );
          ask.mutate({ ...body, ...(props.changed && { text: props.text }) });
        }}
      >
        <Form.Item name="topic" label={t("rules.topic")}>
          <Select
            allowClear
            showSearch={{ optionFilterProp: "label" }}
            options={(topics.data ?? []).map((topic) => ({
              value: topic.key,
              label: topicName(topic, english),
            }))}
          />
        </Form.Item>
        <Form.Item name="channel" label={t("rules.channel")}>
          <Input maxLength={120} />
        </Form.Item>
        <Form.Item name="region" label={t("rules.region")}>
          <Input maxLength={120} />
        </Form.Item>
        <Form.Item name="cause" label={t("rules.cause")}>
          <Input maxLength={120} />
        </Form.Item>
        <Button htmlType="submit" loading={ask.isPending}>
          {t("rules.ask")}
        </Button>
      </Form>
      <Faults error={ask.error} />
      {ask.data?.route && <RouteResult route={ask.data.route} />}
      {ask.data && props.changed && <p className="faint">{t("rules.tried_text")}</p>}
    </Panel>
  );
}

function Editor(props: { rules: OwnerRules }) {
  const { t } = useTranslation();
  const format = useFormat();
  const { message } = App.useApp();
  const may = useMay("manage_organisation");
  const save = useSaveOwnerRules();
  const tried = useAskRoute();
  const [text, setText] = useState(props.rules.text);
  const changed = text !== props.rules.text;
  return (
    <div className="columns">
      <div className="stack">
        <Panel title={t("rules.title")}>
          <div className="stack">
            <p className="soft">{t("rules.intro")}</p>
            <Input.TextArea
              aria-label={t("rules.title")}
              className="code"
              spellCheck={false}
              readOnly={!may}
              value={text}
              placeholder={t("rules.sample")}
              maxLength={100_000}
              autoSize={{ minRows: 10, maxRows: 30 }}
              style={{ fontFamily: "ui-monospace, monospace" }}
              onChange={(event) => setText(event.target.value)}
            />
            <Faults error={save.error ?? tried.error} />
            {tried.data && (
              <div role="status">
                <p>{t("rules.moves", { n: tried.data.moves.length, of: tried.data.looked_at })}</p>
                <ul className="stack stack--tight">
                  {tried.data.moves.map((move) => (
                    <li key={move.issue_id}>
                      <Link to="/issues/$id" params={{ id: move.issue_id }}>
                        {move.title}
                      </Link>{" "}
                      <span className="faint">
                        {move.now.department_name ?? move.now.owner ?? t("rules.loop")} →{" "}
                        {move.then.department_name ?? move.then.owner ?? t("rules.loop")}
                      </span>
                    </li>
                  ))}
                </ul>
              </div>
            )}
            {may && (
              <span className="row">
                <Button
                  type="primary"
                  disabled={!changed}
                  loading={save.isPending}
                  onClick={async () => {
                    try {
                      await save.mutateAsync({ text, version: props.rules.version });
                      tried.reset();
                      message.success(t("app.saved"));
                    } catch {
                      // Shown above.
                    }
                  }}
                >
                  {t("app.save")}
                </Button>
                <Button
                  disabled={!changed}
                  loading={tried.isPending}
                  onClick={() => {
                    save.reset();
                    tried.mutate({ text });
                  }}
                >
                  {t("rules.try")}
                </Button>
              </span>
            )}
            {props.rules.changed_at && (
              <p className="faint">
                {t("rules.changed", {
                  name: props.rules.changed_by ?? "",
                  at: format.dateTime(props.rules.changed_at),
                  version: props.rules.version,
                })}
              </p>
            )}
          </div>
        </Panel>
        <Panel title={t("rules.syntax")}>
          <ul className="stack stack--tight">
            <li>{t("rules.syntax_order")}</li>
            <li>{t("rules.syntax_conditions")}</li>
            <li>{t("rules.syntax_values")}</li>
            <li>{t("rules.syntax_fallback")}</li>
          </ul>
          <pre>{t("rules.sample")}</pre>
        </Panel>
      </div>
      <div className="stack">
        <Ask text={text} changed={changed} />
      </div>
    </div>
  );
}

export function OwnerRulesPage() {
  const rules = useOwnerRules();
  return <QueryView query={rules}>{(data) => <Editor key={data.version} rules={data} />}</QueryView>;
}
