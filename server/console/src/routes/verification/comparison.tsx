import { useTranslation } from "react-i18next";
import type { Metric } from "../../api/evidence";
import type { Side, Task, Verification } from "../../api/types";
import { type IntervalMark, type IntervalRow, IntervalRows } from "../../components/interval-rows";
import { Panel } from "../../components/page";
import { word } from "../../i18n";
import { useFormat } from "../../lib/format";
import { change, higherIsBetter, kindOf, level } from "../../lib/metric";
import { colour, verdictColour } from "../../styles/tokens";

/** The topic's own change, before anything is taken off; null where a side is missing. */
export function ownChange(v: Pick<Verification, "metric" | "before" | "after">): number | null {
  const before = v.before.adjusted ?? v.before.value;
  const after = v.after.adjusted ?? v.after.value;
  if (typeof before !== "number" || typeof after !== "number") return null;
  const kind = kindOf(v.metric);
  if (kind === "share" || kind === "stars") return after - before;
  return before > 0 ? after / before - 1 : null;
}

function Levels(props: { verification: Verification }) {
  const { t } = useTranslation();
  const format = useFormat();
  const v = props.verification;
  const { metric, control } = v;
  const compared = control.kind !== "none";
  const unit = kindOf(metric) === "rate" ? t("evidence.per_day") : "";
  const rows = [
    {
      key: "before",
      name: t("verification.before"),
      side: v.before,
      other: control.before,
      n: control.n_before,
    },
    { key: "after", name: t("verification.after"), side: v.after, other: control.after, n: control.n_after },
  ];
  return (
    <div className="scroll-x">
      <table className="table levels">
        <thead>
          <tr>
            <th scope="col">{word("metric", metric)}</th>
            <th scope="col">{t("evidence.this_topic")}</th>
            {compared && <th scope="col">{t("evidence.other_topics")}</th>}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.key}>
              <th scope="row">
                {row.name}
                {row.side.from && row.side.to && (
                  <small>
                    {t("verification.window", {
                      from: format.dayShort(row.side.from),
                      to: format.dayShort(row.side.to),
                    })}
                  </small>
                )}
              </th>
              <td>
                <strong>{level(format, metric, row.side.adjusted ?? row.side.value)}</strong> {unit}
                <Ends side={row.side} metric={metric} />
                <small>
                  {format.count(row.side.n)} {word("metric_answers", metric)}
                </small>
              </td>
              {compared && (
                <td>
                  <strong>{level(format, metric, row.other)}</strong> {unit}
                  {typeof row.n === "number" && (
                    <small>
                      {format.count(row.n)} {word("metric_answers", metric)}
                    </small>
                  )}
                </td>
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** The interval of the level that is shown: an adjusted level has its own, never that of the raw one. */
export function endsOf(side: Side): { low: number; high: number } | null {
  const shown = typeof side.adjusted === "number";
  const low = shown ? side.adjusted_low : side.low;
  const high = shown ? side.adjusted_high : side.high;
  return typeof low === "number" && typeof high === "number" ? { low, high } : null;
}

function Ends(props: { side: Side; metric: Metric }) {
  const { t } = useTranslation();
  const format = useFormat();
  const ends = endsOf(props.side);
  if (!ends) return null;
  return (
    <small>
      {t("verification.range", {
        low: level(format, props.metric, ends.low),
        high: level(format, props.metric, ends.high),
      })}
    </small>
  );
}

/** The change of the topic, what the other topics did at the same time, and what is left: each beside "no change". */
export function Comparison(props: { task: Task; verification: Verification }) {
  const { t } = useTranslation();
  const format = useFormat();
  const v = props.verification;
  const { metric, control, effect } = v;
  const { smallest_change, expected_change } = props.task.contract;
  const compared = control.kind !== "none" && typeof control.effect === "number";
  const factor = v.method.control_factor;
  const own = ownChange(v);
  const rows: IntervalRow[] = [];
  if (compared && own !== null) {
    rows.push({
      key: "own",
      name: t("evidence.own_change"),
      value: own,
      colour: colour.inkFaint,
      text: change(format, metric, own),
    });
    rows.push({
      key: "others",
      name: t("evidence.others_change", { n: control.topics ?? 0 }),
      ...(typeof factor === "number" && factor > 0
        ? { note: t("evidence.factor", { value: format.decimal(factor, 2) }) }
        : {}),
      value: control.effect ?? 0,
      colour: colour.teal500,
      text: change(format, metric, control.effect),
    });
  }
  if (effect) {
    rows.push({
      key: "effect",
      name: compared
        ? t(v.verdict === "improved" ? "evidence.net_change" : "evidence.net_change_unproven")
        : t("verification.effect"),
      value: effect.value,
      low: effect.low,
      high: effect.high,
      colour: verdictColour[v.verdict],
      strong: true,
      text: (
        <>
          <strong>{change(format, metric, effect.value)}</strong>
          <small>
            {t("verification.range", {
              low: change(format, metric, effect.low),
              high: change(format, metric, effect.high),
            })}
          </small>
        </>
      ),
    });
  }
  const good = higherIsBetter(metric) ? 1 : -1;
  const marks: IntervalMark[] = [
    { at: 0, label: t("looks.no_change"), strong: true },
    { at: good * smallest_change, label: t("evidence.worth_while") },
    ...(Math.abs(expected_change) > smallest_change * 1.3
      ? [{ at: expected_change, label: t("evidence.expected") }]
      : []),
  ];
  return (
    <Panel title={t("evidence.comparison")}>
      <div className="stack">
        <Levels verification={v} />
        {rows.length > 0 ? (
          <IntervalRows rows={rows} marks={marks} />
        ) : (
          <p className="soft">{t("evidence.no_effect_yet")}</p>
        )}
        <p className={compared ? "soft" : "flagged soft"}>
          {compared
            ? t("evidence.compared", { n: control.topics ?? 0 })
            : t("evidence.not_compared", { why: word("control_why", control.why || "not_asked") })}
        </p>
        {/* How often praise is wrong says something where there is praise only. */}
        {v.verdict === "improved" && typeof v.chance?.share === "number" && v.chance.family && (
          <p className="faint">{t("evidence.chance", { share: format.percent(v.chance.share, 0) })}</p>
        )}
      </div>
    </Panel>
  );
}
