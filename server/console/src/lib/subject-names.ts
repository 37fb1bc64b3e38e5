import { useTranslation } from "react-i18next";
import type { Subject } from "../api/evidence";
import { useChannels } from "../api/hooks";
import { useTopicNames } from "./topic-names";

/** What a signal is about, as people call it: a topic, search words, an article, an agent, a channel. */
export function useSubjectName(): (subject: Subject) => string {
  const { t } = useTranslation();
  const topicName = useTopicNames();
  const channels = useChannels().data;
  return ({ kind, key }) => {
    switch (kind) {
      case "topic":
        return topicName(key);
      case "channel":
        return t("subject.channel", { key: channels?.find((c) => c.key === key)?.name || key });
      case "search_term":
        return t("subject.search_term", { key });
      case "article":
        return t("subject.article", { key });
      case "agent":
        return t("subject.agent", { key });
      default:
        return key;
    }
  };
}
