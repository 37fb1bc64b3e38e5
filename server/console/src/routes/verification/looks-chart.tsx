import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import type { Task, Verification } from "../../api/types";
import { Chart } from "../../components/chart";
import { Panel } from "../../components/page";
import { addDays, useFormat } from "../../lib/format";
import { change } from "../../lib/metric";
import { useNarrow } from "../../lib/use-narrow";
import { drawnLooks, looksOption } from "./looks-option";

/** How the verdict came about, night by night. */
export function LooksChart(props: { task: Task; verification: Verification }) {
  const { t } = useTranslation();
  const format = useFormat();
  const narrow = useNarrow();
  const { contract } = props.task;
  const v = props.verification;
  const drawn = drawnLooks(v.looks);
  const last = drawn.at(-1);
  const decided = v.decided_on ?? null;
  const option = useMemo(
    () =>
      looksOption({
        looks: v.looks,
        // Of fixes that share a verdict the after-window, and with it the latest day, begins with the last.
        effectiveDay:
          v.together_with.length > 0 && v.after.from ? addDays(v.after.from, -1) : v.effective_day,
        horizonDays: contract.horizon_days,
        latestDay: v.latest_day,
        decidedOn: decided,
        smallest: contract.smallest_change,
        verdict: v.verdict,
        metric: v.metric,
        format,
        narrow,
        words: {
          effect: t("looks.effect"),
          range: t("looks.range"),
          line: t("looks.line"),
          noChange: t("looks.no_change"),
          tooSmall: t("looks.too_small"),
          decided: t("looks.decided"),
          horizon: t("looks.horizon"),
          collected: t("looks.collected"),
        },
      }),
    [v, contract, decided, format, narrow, t],
  );
  if (!last) {
    return (
      <Panel title={t("looks.title")}>
        <p className="soft">{t("looks.none")}</p>
      </Panel>
    );
  }
  return (
    <Panel
      title={t("looks.title")}
      extra={
        <span className="faint num">
          {t("looks.count", { n: v.looks.length })} ·{" "}
          {t("looks.of_plan", { share: format.percent(Math.min(1, last.fraction), 0) })}
        </span>
      }
    >
      <Chart
        height={narrow ? 260 : 300}
        label={`${t("looks.title")}: ${t("looks.label", {
          n: v.looks.length,
          day: format.day(last.day),
          effect: change(format, v.metric, last.effect),
          low: change(format, v.metric, last.low),
          high: change(format, v.metric, last.high),
        })}`}
        option={option}
      />
      <p className="legend">
        <span>{t("looks.legend_band")}</span>
        <span>{t("looks.legend_line")}</span>
      </p>
      <p className="faint" style={{ marginTop: 6 }}>
        {t("looks.explain")}
      </p>
    </Panel>
  );
}
