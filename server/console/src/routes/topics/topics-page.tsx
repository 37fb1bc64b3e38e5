import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { App, Button } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { type TopicDraft, useApplyTopicSet, useTopicSets, useTopics } from "../../api/hooks";
import type { Topic } from "../../api/types";
import { Badge } from "../../components/badges";
import { EmptyState, Page, Panel, QueryView } from "../../components/page";
import { ProblemAlert } from "../../components/problem-alert";
import { languageOf } from "../../i18n";
import { useMay } from "../../lib/session";
import { topicName } from "../../lib/topic-names";
import { colour } from "../../styles/tokens";
import { CoveragePanel } from "./coverage-panel";
import { emptyTopic, TopicForm } from "./topic-form";
import { forest, type Node } from "./tree";

function Branch(props: {
  nodes: readonly Node[];
  selected: string | undefined;
  onPick: (key: string) => void;
}) {
  const { t, i18n } = useTranslation();
  const english = languageOf(i18n.language) === "en";
  return (
    <ul>
      {props.nodes.map(({ topic, children }) => (
        <li key={topic.key}>
          <button
            type="button"
            aria-pressed={topic.key === props.selected}
            onClick={() => props.onPick(topic.key)}
          >
            <span>
              {topicName(topic, english)}{" "}
              {topic.state === "proposed" && <Badge colour={colour.accent}>{t("topics.proposed")}</Badge>}
            </span>
            <span className="faint num">{t("topics.words_n", { n: topic.words.length })}</span>
          </button>
          {children.length > 0 && <Branch {...props} nodes={children} />}
        </li>
      ))}
    </ul>
  );
}

function StarterSets() {
  const { t, i18n } = useTranslation();
  const english = languageOf(i18n.language) === "en";
  const { message } = App.useApp();
  const sets = useTopicSets();
  const apply = useApplyTopicSet();
  return (
    <Panel title={t("topics.sets")}>
      <p className="soft" style={{ marginBottom: 10 }}>
        {t("topics.sets_intro")}
      </p>
      <ProblemAlert error={apply.error} />
      <QueryView query={sets}>
        {(items) => (
          <ul className="sets">
            {items.map((set) => (
              <li key={set.key} className="set">
                <span>
                  {english ? set.name_en || set.name : set.name}
                  <br />
                  <span className="faint">{t("topics.set_topics", { n: set.topics.length })}</span>
                </span>
                <Button
                  size="small"
                  loading={apply.isPending && apply.variables === set.key}
                  onClick={async () => {
                    try {
                      const { added } = await apply.mutateAsync(set.key);
                      message.success(t("topics.applied", { n: added }));
                    } catch {
                      // Shown above the sets.
                    }
                  }}
                >
                  {t("topics.apply")}
                </Button>
              </li>
            ))}
          </ul>
        )}
      </QueryView>
    </Panel>
  );
}

function Topics(props: { topics: readonly Topic[] }) {
  const { t, i18n } = useTranslation();
  const english = languageOf(i18n.language) === "en";
  const { topics } = props;
  const { topic: selected } = useSearch({ from: "/shell/topics" });
  const navigate = useNavigate();
  const mayEdit = useMay("manage_organisation");
  const seesVoices = useMay("read_feedback");
  const [draft, setDraft] = useState<{ topic: TopicDraft; serial: number } | null>(null);
  const current = topics.find((topic) => topic.key === selected);

  const pick = (key: string) => {
    setDraft(null);
    void navigate({ to: "/topics", search: { topic: key }, replace: true, resetScroll: false });
  };
  const begin = (words: string[]) => {
    setDraft({ topic: emptyTopic(words), serial: Date.now() });
    document.getElementById("topic-editor")?.scrollIntoView({ block: "start" });
  };

  return (
    <div className="columns columns--narrow-left">
      <div className="stack">
        <Panel
          title={t("topics.tree")}
          extra={
            mayEdit && (
              <Button size="small" onClick={() => begin([])}>
                {t("topics.add")}
              </Button>
            )
          }
        >
          {topics.length === 0 ? (
            <EmptyState title={t("topics.none")} next={t("topics.none_next")} />
          ) : (
            <div className="tree">
              <Branch nodes={forest(topics)} selected={draft ? undefined : selected} onPick={pick} />
            </div>
          )}
        </Panel>
        {mayEdit && topics.length > 0 && <StarterSets />}
      </div>
      <div className="stack">
        {mayEdit && topics.length === 0 && !draft && <StarterSets />}
        <div id="topic-editor">
          {draft ? (
            <Panel title={t("topics.new_title")}>
              <TopicForm key={draft.serial} topic={draft.topic} topics={topics} onSaved={pick} />
            </Panel>
          ) : current ? (
            <Panel
              title={topicName(current, english)}
              extra={
                <Link to="/issues" search={{ topic: current.key }}>
                  {t("topics.related_issues")}
                </Link>
              }
            >
              <TopicForm
                key={`${current.key} ${current.version}`}
                topic={current}
                topics={topics}
                onSaved={pick}
              />
            </Panel>
          ) : (
            topics.length > 0 && (
              <Panel>
                <p className="soft">{t("topics.pick")}</p>
              </Panel>
            )
          )}
        </div>
        {seesVoices && <CoveragePanel onMake={begin} />}
      </div>
    </div>
  );
}

export function TopicsPage() {
  const { t } = useTranslation();
  const topics = useTopics();
  return (
    <Page title={t("topics.title")} intro={t("topics.intro")}>
      <QueryView query={topics}>{(items) => <Topics topics={items} />}</QueryView>
    </Page>
  );
}
