import { Alert, Button, InputNumber, Radio } from "antd";
import { useTranslation } from "react-i18next";
import type { Candidate, ContractWish, Metric } from "../../api/evidence";
import type { Contract } from "../../api/types";
import { ProblemAlert } from "../../components/problem-alert";
import { word } from "../../i18n";
import { useBilingual } from "../../lib/bilingual";
import { useFormat } from "../../lib/format";
import { change, higherIsBetter, kindOf, level } from "../../lib/metric";
import { useTopicNames } from "../../lib/topic-names";

/** The chance of seeing the change at the horizon that the plan would take, or at the longest. */
export function chanceOf(candidate: Candidate): { days: number; power: number } | null {
  const at = candidate.power.find((chance) => chance.days === candidate.horizon_days);
  return at ?? candidate.power.at(-1) ?? null;
}

/** People enter stars as they are and everything else in percent or points, without sign. */
export function enteredSize(metric: Metric, expected: number): number {
  const size = Math.abs(expected);
  return kindOf(metric) === "stars" ? Math.round(size * 100) / 100 : Math.round(size * 1000) / 10;
}

export function sizeEntered(metric: Metric, entered: number): number {
  return kindOf(metric) === "stars" ? entered : Math.round(entered * 10) / 1000;
}

function Choice(props: { candidate: Candidate }) {
  const { t } = useTranslation();
  const format = useFormat();
  const say = useBilingual();
  const nameOf = useTopicNames();
  const c = props.candidate;
  const chance = chanceOf(c);
  const possible = c.decidable === "yes";
  return (
    <div className={possible ? "choice" : "choice choice--no"}>
      <span className="choice__head">
        <strong>{word("metric", c.metric)}</strong>
        {c.watched_topic && (
          <span className="faint">{t("contract.above", { name: nameOf(c.watched_topic) })}</span>
        )}
        <span className="faint num">
          {t("contract.now", { level: level(format, c.metric, c.level) })} ·{" "}
          {change(format, c.metric, c.expected_change)}
        </span>
      </span>
      <small className="faint">{word("metric_hint", c.metric)}</small>
      {possible ? (
        <span className="choice__plan num">
          {t("contract.plan", {
            answers: `${format.count(c.answers_needed ?? 0)} ${word("metric_answers", c.metric)}`,
            days: format.count(c.days ?? 0),
          })}
          {chance && (
            <>
              {t("app.semicolon")}
              {t("contract.chance", {
                days: chance.days,
                // Nothing is ever certain.
                power: chance.power > 0.99 ? "> 99%" : format.percent(chance.power, 0),
              })}
            </>
          )}
        </span>
      ) : (
        <span className="choice__plan">
          {say(c.reason)}
          {typeof c.smallest_visible === "number" && (
            <> {t("contract.visible", { size: change(format, c.metric, c.smallest_visible) })}</>
          )}
        </span>
      )}
    </div>
  );
}

/**
 * How the task will be judged: the proposal as a sentence, the metrics it might take with what each would cost in
 * days, and the refusal of what cannot be decided. Everything is computed by the server with each change.
 */
export function ContractChoice(props: {
  contract: Contract | undefined;
  error: unknown;
  pending: boolean;
  wish: ContractWish;
  onChange: (wish: ContractWish) => void;
}) {
  const { t } = useTranslation();
  const say = useBilingual();
  const { contract, wish } = props;
  if (!contract) {
    return props.error ? (
      <ProblemAlert error={props.error} />
    ) : (
      <p className="faint">{t("contract.loading")}</p>
    );
  }
  const refused = contract.refused ?? null;
  const chosen = wish.metric ?? contract.metric;
  const shown = (contract.candidates ?? []).filter(
    (c) =>
      (c.watched_topic === null || c.watched_topic === contract.watched_topic || c.decidable === "yes") &&
      (c.decidable !== "no_answers" || c.metric === chosen),
  );
  // What can be decided first, then as the server lists them.
  const sorted = [...shown].sort((a, b) => Number(b.decidable === "yes") - Number(a.decidable === "yes"));
  const keyOf = (c: Pick<Candidate, "metric" | "watched_topic">) => `${c.metric} ${c.watched_topic ?? ""}`;
  const current = wish.metric
    ? keyOf({ metric: wish.metric, watched_topic: wish.watched_topic ?? null })
    : keyOf({ metric: contract.metric, watched_topic: contract.watched_topic ?? null });
  const size = wish.expected_change ?? contract.expected_change;
  const stars = kindOf(chosen) === "stars";
  return (
    <section className="contract" aria-label={t("assign.contract")} aria-busy={props.pending}>
      <h3 className="subhead">{t("assign.contract")}</h3>
      {refused ? (
        <Alert
          type="warning"
          showIcon
          title={t("contract.refused", { metric: word("metric", refused.metric) })}
          description={say(refused.sentence)}
          action={
            <Button
              size="small"
              onClick={() =>
                props.onChange(
                  refused.instead && refused.instead_watched_topic
                    ? { metric: refused.instead, watched_topic: refused.instead_watched_topic }
                    : {},
                )
              }
            >
              {refused.instead
                ? t("contract.take", { metric: word("metric", refused.instead) })
                : t("contract.take_rule")}
            </Button>
          }
        />
      ) : (
        <p className="contract__sentence" role="status">
          {say(contract.sentence)}
        </p>
      )}
      {(contract.notes ?? [])
        // These two stand in the sentence already.
        .filter((note) => note.code !== "not_decidable" && note.code !== "not_measurable")
        .map((note) => (
          <p key={note.code} className="flagged soft">
            {say(note.sentence)}
          </p>
        ))}
      {sorted.length > 0 && (
        <>
          <p className="faint">{t("contract.choose")}</p>
          <Radio.Group
            className="choices"
            aria-label={t("contract.choose")}
            value={current}
            onChange={(event) => {
              const candidate = sorted.find((c) => keyOf(c) === event.target.value);
              if (!candidate) return;
              props.onChange(
                candidate.watched_topic
                  ? { metric: candidate.metric, watched_topic: candidate.watched_topic }
                  : { metric: candidate.metric },
              );
            }}
          >
            {sorted.map((candidate) => (
              <Radio key={keyOf(candidate)} value={keyOf(candidate)}>
                <Choice candidate={candidate} />
              </Radio>
            ))}
          </Radio.Group>
          <div className="contract__size">
            <label htmlFor="contract-size">{t("contract.expected")}</label>
            <InputNumber
              id="contract-size"
              key={`${chosen} ${contract.expected_change}`}
              min={stars ? 0.05 : 1}
              max={stars ? 4 : 95}
              step={stars ? 0.05 : 1}
              defaultValue={enteredSize(chosen, size)}
              suffix={stars ? word("unit", "stars") : kindOf(chosen) === "share" ? t("chart.points") : "%"}
              onChange={(value) => {
                if (typeof value === "number" && value > 0) {
                  props.onChange({
                    metric: chosen,
                    ...(wish.watched_topic && { watched_topic: wish.watched_topic }),
                    expected_change: (higherIsBetter(chosen) ? 1 : -1) * sizeEntered(chosen, value),
                  });
                }
              }}
              style={{ width: 170 }}
            />
            <small className="faint">{t("contract.expected_hint")}</small>
          </div>
        </>
      )}
      <p className="faint">{t("assign.contract_frozen")}</p>
    </section>
  );
}
