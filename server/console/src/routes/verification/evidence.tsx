import { useTranslation } from "react-i18next";
import type { EvidenceCard } from "../../api/types";
import { VerdictBadge } from "../../components/badges";
import { word } from "../../i18n";
import { useBilingual } from "../../lib/bilingual";
import { useFormat } from "../../lib/format";
import { change, level } from "../../lib/metric";
import { verdictStyle } from "./verdict-card";

/** What proves an article, in three lines. */
export function Evidence(props: { evidence: EvidenceCard }) {
  const { t } = useTranslation();
  const format = useFormat();
  const say = useBilingual();
  const { evidence } = props;
  const { metric } = evidence;
  return (
    <div
      className="voice"
      style={{ ...verdictStyle(evidence.verdict), borderLeft: "3px solid var(--badge)" }}
    >
      <div className="row">
        <VerdictBadge verdict={evidence.verdict} />
        <span className="num">
          {word("metric", metric)} {level(format, metric, evidence.before.value)} →{" "}
          {level(format, metric, evidence.after.value)} · {change(format, metric, evidence.effect.value)}
        </span>
      </div>
      <p>{say(evidence.sentence)}</p>
      <footer>
        <span>
          {format.count(evidence.before.n + evidence.after.n)} {word("metric_answers", metric)}
        </span>
        <span>{t("verification.computed", { at: format.date(evidence.computed_at) })}</span>
      </footer>
    </div>
  );
}
