import { useTranslation } from "react-i18next";
import type { EvidenceCard } from "../../api/types";
import { VerdictBadge } from "../../components/badges";
import { useBilingual } from "../../lib/bilingual";
import { useFormat } from "../../lib/format";
import { verdictStyle } from "./verdict-card";

/** What proves an article, in three lines. */
export function Evidence(props: { evidence: EvidenceCard }) {
  const { t } = useTranslation();
  const format = useFormat();
  const say = useBilingual();
  const { evidence } = props;
  const csat = evidence.metric === "csat";
  const level = (value: number | null | undefined) =>
    typeof value !== "number" ? "–" : csat ? format.percent(value) : format.decimal(value);
  const change = csat ? format.points : format.change;
  return (
    <div
      className="voice"
      style={{ ...verdictStyle(evidence.verdict), borderLeft: "3px solid var(--badge)" }}
    >
      <div className="row">
        <VerdictBadge verdict={evidence.verdict} />
        <span className="num">
          {level(evidence.before.value)} → {level(evidence.after.value)} · {change(evidence.effect.value)}
        </span>
      </div>
      <p>{say(evidence.sentence)}</p>
      <footer>
        <span>
          {t(csat ? "verification.rated" : "verification.contacts", {
            n: format.count(evidence.before.n + evidence.after.n),
          })}
        </span>
        <span>{t("verification.computed", { at: format.date(evidence.computed_at) })}</span>
      </footer>
    </div>
  );
}
