import { Button } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useCoverage } from "../../api/hooks";
import type { Coverage } from "../../api/types";
import { Panel, QueryView } from "../../components/page";
import { useFormat } from "../../lib/format";
import { useMay } from "../../lib/session";

function Words(props: { coverage: Coverage; onMake: (words: string[]) => void }) {
  const { t } = useTranslation();
  const format = useFormat();
  const mayEdit = useMay("manage_organisation");
  const [picked, setPicked] = useState<readonly string[]>([]);
  const { words } = props.coverage;
  const chosen = words.filter(({ word }) => picked.includes(word));
  const examples = [
    ...new Set((chosen.length > 0 ? chosen : words.slice(0, 1)).flatMap((w) => w.examples)),
  ].slice(0, 4);
  if (words.length === 0) return <p className="soft">{t("topics.coverage_no_words")}</p>;
  return (
    <div className="stack stack--tight">
      <p className="faint">{t("topics.pick_words")}</p>
      <div className="words">
        {words.map(({ word, count }) => (
          <button
            key={word}
            type="button"
            className="word"
            aria-pressed={picked.includes(word)}
            onClick={() =>
              setPicked((now) => (now.includes(word) ? now.filter((w) => w !== word) : [...now, word]))
            }
          >
            {word}
            <small className="num">{format.count(count)}</small>
          </button>
        ))}
      </div>
      {examples.length > 0 && (
        <ul className="stack stack--tight" aria-label={t("topics.examples")}>
          {examples.map((example) => (
            <li key={example} className="voice">
              {example}
            </li>
          ))}
        </ul>
      )}
      {mayEdit && (
        <div className="row">
          <Button
            type="primary"
            disabled={picked.length === 0}
            onClick={() => {
              props.onMake([...picked]);
              setPicked([]);
            }}
          >
            {t("topics.make_topic")}
          </Button>
          {picked.length > 0 && <span className="faint">{t("topics.selected", { n: picked.length })}</span>}
        </div>
      )}
    </div>
  );
}

/** What no topic explains: its share, its telling words with examples, and one click to make a topic of them. */
export function CoveragePanel(props: { onMake: (words: string[]) => void }) {
  const { t } = useTranslation();
  const format = useFormat();
  const coverage = useCoverage();
  return (
    <Panel title={t("topics.coverage")}>
      <QueryView query={coverage}>
        {(data) => (
          <div className="stack stack--tight">
            <div className="row row--between">
              <span className="soft">
                {data.unexplained === 0
                  ? t("topics.coverage_none")
                  : t("topics.coverage_intro", {
                      days: data.days,
                      total: format.count(data.total),
                      n: format.count(data.unexplained),
                    })}
              </span>
              <strong className="num" style={{ fontSize: 20 }}>
                {format.percent(data.share)}
              </strong>
            </div>
            <div className="meter" aria-hidden="true">
              <i style={{ width: `${Math.min(100, (data.share ?? 0) * 100)}%` }} />
            </div>
            {data.unexplained > 0 && <Words coverage={data} onMake={props.onMake} />}
          </div>
        )}
      </QueryView>
    </Panel>
  );
}
