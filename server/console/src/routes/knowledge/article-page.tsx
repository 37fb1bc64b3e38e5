import { Link, useParams } from "@tanstack/react-router";
import { App, Button } from "antd";
import { useTranslation } from "react-i18next";
import { useArticle, usePublishArticle } from "../../api/hooks";
import type { Article } from "../../api/types";
import { Page, Panel, QueryView } from "../../components/page";
import { ProblemAlert } from "../../components/problem-alert";
import { word } from "../../i18n";
import { useFormat } from "../../lib/format";
import { useMay } from "../../lib/session";
import { useTopicNames } from "../../lib/topic-names";
import { Evidence } from "../verification/evidence";

function ArticleView(props: { article: Article }) {
  const { t } = useTranslation();
  const format = useFormat();
  const nameOf = useTopicNames();
  const { message } = App.useApp();
  const mayPublish = useMay("run_loop");
  const seesTasks = useMay("read_tasks");
  const publish = usePublishArticle();
  const { article } = props;
  return (
    <Page
      title={article.title}
      crumb={{ to: "/knowledge", label: t("knowledge.title") }}
      intro={
        <span className="row">
          <Link to="/topics" search={{ topic: article.topic }}>
            {nameOf(article.topic)}
          </Link>
          <span>{t("knowledge.created", { at: format.dateTime(article.created_at) })}</span>
          {seesTasks && (
            <Link to="/tasks/$id" params={{ id: article.task_id }}>
              {t("knowledge.to_task")}
            </Link>
          )}
          <Link to="/issues/$id" params={{ id: article.issue_id }}>
            {t("knowledge.to_issue")}
          </Link>
        </span>
      }
    >
      <div className="columns">
        <Panel>
          <p className="prose">{article.body}</p>
        </Panel>
        <div className="stack">
          <Panel title={t("knowledge.evidence")}>
            <Evidence evidence={article.evidence} />
          </Panel>
          <Panel title={t("knowledge.published")}>
            <ProblemAlert error={publish.error} />
            {article.publications.length === 0 ? (
              <p className="soft">{t("knowledge.publications_none")}</p>
            ) : (
              <ul className="stack stack--tight">
                {article.publications.map((publication) => (
                  <li key={`${publication.target} ${publication.at}`}>
                    {publication.target} · {word("publication_state", publication.state)}
                    <p className="faint">
                      {format.dateTime(publication.at)}
                      {publication.reference && <span className="code"> · {publication.reference}</span>}
                    </p>
                  </li>
                ))}
              </ul>
            )}
            {mayPublish && (
              <Button
                style={{ marginTop: 12 }}
                loading={publish.isPending}
                onClick={async () => {
                  try {
                    await publish.mutateAsync(article.id);
                    message.success(t("knowledge.publish_done"));
                  } catch {
                    // Shown above.
                  }
                }}
              >
                {t("knowledge.publish")}
              </Button>
            )}
          </Panel>
        </div>
      </div>
    </Page>
  );
}

export function ArticlePage() {
  const { id } = useParams({ from: "/shell/knowledge/$id" });
  const article = useArticle(id);
  return <QueryView query={article}>{(data) => <ArticleView article={data} />}</QueryView>;
}
