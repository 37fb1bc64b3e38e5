import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { Input } from "antd";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { useArticles, useKnowledgeSearch } from "../../api/hooks";
import type { EvidenceCard } from "../../api/types";
import { EmptyState, More, Page, Panel, QueryView } from "../../components/page";
import { useFormat } from "../../lib/format";
import { Evidence } from "../verification/evidence";

function Entry(props: { id: string; title: string; text: string; note: string; evidence: EvidenceCard }) {
  return (
    <Panel>
      <div className="stack stack--tight">
        <div className="row row--between">
          <Link to="/knowledge/$id" params={{ id: props.id }}>
            <strong>{props.title}</strong>
          </Link>
          <span className="faint">{props.note}</span>
        </div>
        <p className="prose soft">{props.text.length > 220 ? `${props.text.slice(0, 220)}…` : props.text}</p>
        <Evidence evidence={props.evidence} />
      </div>
    </Panel>
  );
}

function Found(props: { q: string }) {
  const { t } = useTranslation();
  const format = useFormat();
  const search = useKnowledgeSearch(props.q);
  return (
    <QueryView query={search}>
      {(items) =>
        items.length === 0 ? (
          <Panel>
            <EmptyState
              title={t("knowledge.search_none")}
              next={t("knowledge.search_none_next")}
              action={
                <Link to="/knowledge" search={{}}>
                  {t("knowledge.clear")}
                </Link>
              }
            />
          </Panel>
        ) : (
          <div className="stack">
            {items.map((item) => (
              <Entry
                key={item.article_id}
                id={item.article_id}
                title={item.title}
                text={item.excerpt}
                note={t("knowledge.score", { score: format.decimal(item.score, 1) })}
                evidence={item.evidence}
              />
            ))}
          </div>
        )
      }
    </QueryView>
  );
}

function Everything() {
  const { t } = useTranslation();
  const format = useFormat();
  const articles = useArticles();
  return (
    <>
      <QueryView query={articles}>
        {(items) =>
          items.length === 0 ? (
            <Panel>
              <EmptyState
                title={t("knowledge.none")}
                next={t("knowledge.none_next")}
                action={<Link to="/tasks">{t("tasks.title")}</Link>}
              />
            </Panel>
          ) : (
            <div className="stack">
              {items.map((article) => (
                <Entry
                  key={article.id}
                  id={article.id}
                  title={article.title}
                  text={article.body}
                  note={t("knowledge.created", { at: format.date(article.created_at) })}
                  evidence={article.evidence}
                />
              ))}
            </div>
          )
        }
      </QueryView>
      <More query={articles} />
    </>
  );
}

export function KnowledgePage() {
  const { t } = useTranslation();
  const { q = "" } = useSearch({ from: "/shell/knowledge" });
  const navigate = useNavigate();
  const [text, setText] = useState(q);
  useEffect(() => setText(q), [q]);
  return (
    <Page title={t("knowledge.title")} intro={t("knowledge.intro")}>
      <div className="stack">
        <Input.Search
          allowClear
          aria-label={t("app.search")}
          placeholder={t("knowledge.search")}
          value={text}
          onChange={(event) => setText(event.target.value)}
          onSearch={(value) =>
            void navigate({
              to: "/knowledge",
              search: value.trim() ? { q: value.trim() } : {},
              replace: true,
            })
          }
          enterButton={t("app.search")}
          style={{ maxWidth: 560 }}
        />
        {q ? <Found q={q} /> : <Everything />}
      </div>
    </Page>
  );
}
