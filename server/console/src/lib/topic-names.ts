import { useTranslation } from "react-i18next";
import { useTopics } from "../api/hooks";
import type { Topic } from "../api/types";
import { languageOf } from "../i18n";

export function topicName(topic: Topic, english: boolean): string {
  return (english && topic.name_en) || topic.name || topic.key;
}

/** Names of topics by key, in the reader's language; a key without topic is shown as it is. */
export function useTopicNames(): (key: string) => string {
  const { i18n } = useTranslation();
  const english = languageOf(i18n.language) === "en";
  const topics = useTopics().data;
  return (key) => {
    const topic = topics?.find((candidate) => candidate.key === key);
    return topic ? topicName(topic, english) : key;
  };
}
