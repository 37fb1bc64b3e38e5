import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import type { Overview } from "../../api/types";
import { useFormat } from "../../lib/format";

type Step = {
  key: "collect" | "analyse" | "detect" | "prioritise" | "assign" | "improve" | "verify" | "know";
  unit: "collected" | "labelled" | "issues" | "fix_now" | "tasks" | "open_tasks" | "verified" | "articles";
  value: number;
  to: string;
  hot?: boolean;
};

/** The eight steps with what stands in each, and the way back to the first: the product in one band. */
export function LoopBand(props: { overview: Overview }) {
  const { t } = useTranslation();
  const format = useFormat();
  const { loop, quadrant, open_tasks, from, to } = props.overview;
  const fixNow = quadrant.points.filter((point) => point.quadrant === "fix_now").length;
  const steps: Step[] = [
    { key: "collect", unit: "collected", value: loop.collected, to: "/import" },
    { key: "analyse", unit: "labelled", value: loop.labelled, to: "/topics" },
    { key: "detect", unit: "issues", value: loop.issues, to: "/issues" },
    { key: "prioritise", unit: "fix_now", value: fixNow, to: "/issues", hot: fixNow > 0 },
    { key: "assign", unit: "tasks", value: loop.tasks, to: "/tasks" },
    { key: "improve", unit: "open_tasks", value: open_tasks, to: "/tasks" },
    { key: "verify", unit: "verified", value: loop.verified, to: "/tasks" },
    { key: "know", unit: "articles", value: loop.articles, to: "/knowledge" },
  ];
  return (
    <section className="loop" aria-label={t("loop.title")}>
      <div className="loop__head">
        <h2>{t("loop.title")}</h2>
        <span className="num">{t("loop.window", { from: format.day(from), to: format.day(to) })}</span>
      </div>
      <ol className="loop__steps">
        {steps.map((step) => {
          const names = ["loop__step", step.value === 0 && "loop__step--zero", step.hot && "loop__step--hot"];
          return (
            <li key={step.key} className={names.filter(Boolean).join(" ")}>
              <i aria-hidden="true" />
              <Link to={step.to}>
                <b>{t(`loop.${step.key}`)}</b>
                <strong>
                  {step.value >= 100_000 ? format.compact(step.value) : format.count(step.value)}
                </strong>
                <small>{t(`loop.unit_${step.unit}`)}</small>
              </Link>
            </li>
          );
        })}
      </ol>
      <div className="loop__return">
        <span>{t("loop.return")}</span>
      </div>
    </section>
  );
}
