import { Collapse } from "antd";
import type { CSSProperties, ReactNode } from "react";
import { useTranslation } from "react-i18next";
import type { Verdict, Verification } from "../../api/types";
import { VerdictBadge } from "../../components/badges";
import { word } from "../../i18n";
import { useBilingual } from "../../lib/bilingual";
import { type Format, useFormat } from "../../lib/format";
import { verdictColour } from "../../styles/tokens";

/** The colour of a verdict for everything inside. */
export function verdictStyle(verdict: Verdict): CSSProperties {
  return { "--badge": verdictColour[verdict] } as CSSProperties;
}

/** A level of the verification's metric: a share as percentage, or contacts a day. */
function level(format: Format, metric: Verification["metric"], value: number | null | undefined): string {
  if (value === null || value === undefined) return "–";
  return metric === "csat" ? format.percent(value) : format.decimal(value, 1);
}

/** A change of the verification's metric: points for shares, a percentage for volume. */
function change(format: Format, metric: Verification["metric"], value: number | null | undefined): string {
  return metric === "csat" ? format.points(value) : format.change(value);
}

function isSuccess(verdict: Verdict): boolean {
  return verdict === "improved";
}

/** The simple before/after beside our verdict, and why they differ where they do. */
export function Versus(props: { verification: Verification }) {
  const { t } = useTranslation();
  const format = useFormat();
  const { verdict, naive, metric } = props.verification;
  const answered = naive.difference !== null && naive.difference !== undefined;
  const disagrees = answered && naive.claims_success !== isSuccess(verdict);
  let answer = t("verification.naive_none");
  if (answered)
    answer = t(naive.claims_success ? "verification.naive_success" : "verification.naive_failure");
  return (
    <div className="versus" style={verdictStyle(verdict)}>
      <div className="versus__naive">
        <div className="versus__label">{t("verification.naive_title")}</div>
        <div className="versus__answer">{answer}</div>
        {answered && (
          <div className="faint num">
            {t("verification.naive_detail", {
              before: level(format, metric, naive.before.value),
              after: level(format, metric, naive.after.value),
              change: change(format, metric, naive.difference),
            })}
          </div>
        )}
      </div>
      <div className="versus__ours">
        <div className="versus__label">{t("verification.ours_title")}</div>
        <div className="versus__answer">{t(`verdict.${verdict}`)}</div>
        {props.verification.effect && (
          <div className="faint num">
            {change(format, metric, props.verification.effect.value)}
            {" · "}
            {t("verification.range", {
              low: change(format, metric, props.verification.effect.low),
              high: change(format, metric, props.verification.effect.high),
            })}
          </div>
        )}
      </div>
      {answered && (
        <div className="versus__why">
          {disagrees ? t(`verification.contrast_${verdict}`) : t("verification.agree")}
        </div>
      )}
    </div>
  );
}

function SideFigure(props: { title: string; metric: Verification["metric"]; side: Verification["before"] }) {
  const { t } = useTranslation();
  const format = useFormat();
  const { side, metric } = props;
  return (
    <div>
      <dt>{props.title}</dt>
      <dd>
        {/* The level at the shared mix of channels and day types: the one the sentence prints. */}
        <strong>{level(format, metric, side.adjusted ?? side.value)}</strong>
        <small>
          {t(metric === "csat" ? "verification.rated" : "verification.contacts", { n: format.count(side.n) })}
        </small>
        {side.from && side.to && (
          <small>
            {t("verification.window", { from: format.dayShort(side.from), to: format.dayShort(side.to) })}
          </small>
        )}
      </dd>
    </div>
  );
}

function Term(props: { name: string; children: ReactNode }) {
  return (
    <div>
      <dt>{props.name}</dt>
      <dd>{props.children}</dd>
    </div>
  );
}

/** How the numbers were made, for whoever asks. */
function Details(props: { verification: Verification }) {
  const { t } = useTranslation();
  const format = useFormat();
  const { method, naive, looks, control, baseline_rule, before, after, metric } = props.verification;
  const range = (low: number | null | undefined, high: number | null | undefined) =>
    t("verification.range", { low: level(format, metric, low), high: level(format, metric, high) });
  return (
    <dl className="facts">
      <Term name={t("verification.method")}>
        {word("method", method.statistic)}
        <small>{word("method", `strata_${method.strata}`)}</small>
      </Term>
      <Term name={t("verification.baseline_rule")}>{word("baseline_rule", baseline_rule)}</Term>
      <Term name={t("verification.raw_before")}>
        {level(format, metric, before.value)}
        <small>{range(before.low, before.high)}</small>
      </Term>
      <Term name={t("verification.raw_after")}>
        {level(format, metric, after.value)}
        <small>{range(after.low, after.high)}</small>
      </Term>
      <Term name={t("verification.noise")}>
        {format.decimal(method.noise_factor, 2)}
        <small>{t("verification.noise_blocks", { n: method.noise_blocks })}</small>
      </Term>
      <Term name={t("verification.statistic")}>
        {typeof method.z === "number" ? format.decimal(method.z, 2) : "–"}
        {typeof method.boundary === "number" && (
          <small>{t("verification.boundary", { value: format.decimal(method.boundary, 2) })}</small>
        )}
      </Term>
      <Term name={t("verification.looks")}>{looks.length}</Term>
      <Term name={t("verification.control")}>
        {control.kind === "none" ? t("verification.control_none") : control.kind}
      </Term>
      <Term name={t("verification.naive_method")}>
        {word("method", naive.method)}
        {typeof naive.p_value === "number" && (
          <small>
            {t("verification.p_value")} {naive.p_value < 0.001 ? "< 0.001" : format.decimal(naive.p_value, 3)}
          </small>
        )}
      </Term>
    </dl>
  );
}

/** The result of a verification: the sentence first, then the comparison, the numbers, and the method on request. */
export function VerdictCard(props: { verification: Verification; actions?: ReactNode }) {
  const { t } = useTranslation();
  const format = useFormat();
  const say = useBilingual();
  const v = props.verification;
  return (
    <section className="panel verdict" style={verdictStyle(v.verdict)} data-verdict={v.verdict}>
      <div className="row row--between">
        <div className="row">
          <VerdictBadge verdict={v.verdict} large />
          <span className="faint">
            {t(v.state === "final" ? "verification.final" : "verification.provisional")}
            {" · "}
            {t("verification.computed", { at: format.dateTime(v.computed_at) })}
          </span>
        </div>
        {props.actions}
      </div>
      <p className="verdict__sentence">{say(v.sentence)}</p>
      <Versus verification={v} />
      <dl className="verdict__numbers">
        <SideFigure title={t("verification.before")} metric={v.metric} side={v.before} />
        <SideFigure title={t("verification.after")} metric={v.metric} side={v.after} />
        <div>
          <dt>{t("verification.effect")}</dt>
          <dd>
            <strong>{change(format, v.metric, v.effect?.value)}</strong>
            {v.effect && (
              <small>
                {t("verification.range", {
                  low: change(format, v.metric, v.effect.low),
                  high: change(format, v.metric, v.effect.high),
                })}
              </small>
            )}
          </dd>
        </div>
      </dl>
      {v.missing.length > 0 && (
        <div className="stack stack--tight">
          <strong>{t("verification.missing")}</strong>
          <ul>
            {v.missing.map((missing) => (
              <li key={missing.code} className="soft">
                {say(missing.sentence)}
              </li>
            ))}
          </ul>
        </div>
      )}
      {v.guards.length > 0 && (
        <div className="stack stack--tight">
          <strong>{t("verification.guards")}</strong>
          <ul>
            {v.guards.map((guard) => (
              <li key={guard.code} className="soft">
                {say(guard.sentence)}
              </li>
            ))}
          </ul>
        </div>
      )}
      {v.together_with.length > 0 && (
        <p className="soft">
          {t("verification.together")} {v.together_with.join(" · ")}
        </p>
      )}
      <Collapse
        ghost
        size="small"
        items={[
          {
            key: "details",
            label: t("verification.details"),
            children: (
              <div className="stack">
                <Details verification={v} />
                {v.history.length > 1 && (
                  <div>
                    <strong>{t("verification.history")}</strong>
                    <ul className="faint">
                      {v.history.map((past) => (
                        <li key={past.computed_at}>
                          {format.dateTime(past.computed_at)} · {t(`verdict.${past.verdict}`)}
                        </li>
                      ))}
                    </ul>
                  </div>
                )}
                <p className="faint">{t("verification.explain")}</p>
              </div>
            ),
          },
        ]}
      />
    </section>
  );
}
