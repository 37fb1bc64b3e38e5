import { Alert, App, Button, Form, Input, Select, Space } from "antd";
import { useTranslation } from "react-i18next";
import { ISSUE_KINDS, type IssueKind } from "../../api/evidence";
import { type TopicDraft, useDepartments, useRemoveTopic, useSaveTopic } from "../../api/hooks";
import type { Topic } from "../../api/types";
import { ProblemAlert } from "../../components/problem-alert";
import { RemoveButton } from "../../components/remove-button";
import { useMay } from "../../lib/session";
import { subtree } from "./tree";

type Values = {
  key: string;
  name: string;
  name_en?: string;
  parent?: string;
  words?: string[];
  synonyms?: Array<{ said: string; means: string }>;
  owner_department?: string;
  demand_type?: "failure" | "value";
  issue_kind?: IssueKind;
};

export function emptyTopic(words: string[] = []): TopicDraft {
  return {
    key: "",
    parent: null,
    name: words[0] ?? "",
    name_en: "",
    words,
    synonyms: {},
    causes: [],
    owner_department: null,
    demand_type: null,
  };
}

/** Edits a topic, or makes one when it has no version yet. Remount it with another `key` for another topic. */
export function TopicForm(props: {
  topic: TopicDraft;
  topics: readonly Topic[];
  onSaved: (key: string) => void;
}) {
  const { t } = useTranslation();
  const { message } = App.useApp();
  const { topic, topics } = props;
  const departments = useDepartments();
  const save = useSaveTopic();
  const remove = useRemoveTopic();
  const mayEdit = useMay("manage_organisation");
  const isNew = topic.version === undefined;
  // A topic cannot stand below itself.
  const below = new Set(isNew ? [] : subtree(topic.key, topics));

  async function submit(values: Values) {
    const draft: TopicDraft = {
      key: isNew ? values.key.trim() || values.name.trim() : topic.key,
      name: values.name.trim(),
      name_en: (values.name_en ?? "").trim(),
      parent: values.parent ?? null,
      words: (values.words ?? []).map((word) => word.trim()).filter(Boolean),
      synonyms: Object.fromEntries(
        (values.synonyms ?? [])
          .filter((pair) => pair?.said && pair.means)
          .map((pair) => [pair.said.trim(), pair.means.trim()]),
      ),
      causes: topic.causes,
      owner_department: values.owner_department ?? null,
      demand_type: values.demand_type ?? null,
      issue_kind: values.issue_kind ?? null,
      ...(topic.version !== undefined && { version: topic.version }),
    };
    try {
      await save.mutateAsync(draft);
      message.success(t("app.saved"));
      props.onSaved(draft.key);
    } catch {
      // Shown above the form; the entries stay.
    }
  }

  return (
    <Form<Values>
      layout="vertical"
      disabled={!mayEdit}
      onFinish={submit}
      initialValues={{
        key: topic.key,
        name: topic.name,
        name_en: topic.name_en,
        parent: topic.parent ?? undefined,
        words: topic.words,
        synonyms: Object.entries(topic.synonyms).map(([said, means]) => ({ said, means })),
        owner_department: topic.owner_department ?? undefined,
        demand_type: topic.demand_type ?? undefined,
        issue_kind: topic.issue_kind ?? undefined,
      }}
    >
      <ProblemAlert error={save.error ?? remove.error} />
      <div className="form-grid">
        <Form.Item
          name="name"
          label={t("topics.name")}
          rules={[{ required: true, whitespace: true, message: t("app.required") }]}
        >
          <Input maxLength={120} />
        </Form.Item>
        <Form.Item name="name_en" label={t("topics.name_en")}>
          <Input maxLength={120} />
        </Form.Item>
        {isNew && (
          <Form.Item
            name="key"
            label={t("topics.key")}
            extra={t("topics.key_hint")}
            rules={[{ pattern: /^[^/\\?#\s][^/\\?#]*$/, message: t("topics.key_format") }]}
          >
            <Input maxLength={120} />
          </Form.Item>
        )}
        <Form.Item name="parent" label={t("topics.parent")}>
          <Select
            allowClear
            showSearch={{ optionFilterProp: "label" }}
            placeholder={t("topics.parent_none")}
            options={topics
              .filter((other) => !below.has(other.key))
              .map((other) => ({ value: other.key, label: other.name || other.key }))}
          />
        </Form.Item>
        <Form.Item name="owner_department" label={t("topics.department")}>
          <Select
            allowClear
            placeholder={t("topics.no_department")}
            options={(departments.data ?? []).map((d) => ({ value: d.key, label: d.name || d.key }))}
          />
        </Form.Item>
        <Form.Item name="demand_type" label={t("topics.demand")}>
          <Select
            allowClear
            placeholder={t("topics.demand_none")}
            options={[
              { value: "failure", label: t("topics.demand_failure") },
              { value: "value", label: t("topics.demand_value") },
            ]}
          />
        </Form.Item>
        <Form.Item name="issue_kind" label={t("kind.of_topic")} extra={t("kind.of_topic_hint")}>
          <Select
            allowClear
            placeholder={t("kind.of_topic_none")}
            options={ISSUE_KINDS.map((value) => ({ value, label: t(`issue_kind.${value}`) }))}
          />
        </Form.Item>
      </div>
      <Form.Item name="words" label={t("topics.words")} extra={t("topics.words_hint")}>
        <Select
          mode="tags"
          open={false}
          suffixIcon={null}
          tokenSeparators={[",", "，", "、", ";", "；", "\n"]}
        />
      </Form.Item>
      <Form.Item label={t("topics.synonyms")}>
        <Form.List name="synonyms">
          {(fields, { add, remove }) => (
            <div className="stack stack--tight">
              {fields.map(({ key, name }) => (
                <Space.Compact key={key} block>
                  <Form.Item noStyle name={[name, "said"]}>
                    <Input placeholder={t("topics.synonym_said")} aria-label={t("topics.synonym_said")} />
                  </Form.Item>
                  <Form.Item noStyle name={[name, "means"]}>
                    <Input placeholder={t("topics.synonym_means")} aria-label={t("topics.synonym_means")} />
                  </Form.Item>
                  <Button onClick={() => remove(name)}>{t("app.remove")}</Button>
                </Space.Compact>
              ))}
              {mayEdit && (
                <Button type="dashed" onClick={() => add()}>
                  {t("topics.add_synonym")}
                </Button>
              )}
            </div>
          )}
        </Form.List>
      </Form.Item>
      {topic.causes.length > 0 && (
        <Form.Item label={t("topics.causes")}>
          <p className="soft">{topic.causes.map((cause) => cause.key).join(" · ")}</p>
        </Form.Item>
      )}
      {!isNew && <p className="faint code">{topic.key}</p>}
      {mayEdit ? (
        <div className="row row--between">
          <Button type="primary" htmlType="submit" loading={save.isPending}>
            {t("app.save")}
          </Button>
          {!isNew && <RemoveButton remove={() => remove.mutateAsync(topic.key)} pending={remove.isPending} />}
        </div>
      ) : (
        <Alert type="info" title={t("topics.read_only")} />
      )}
    </Form>
  );
}
