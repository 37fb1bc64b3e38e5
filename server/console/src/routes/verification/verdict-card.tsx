import { Link } from "@tanstack/react-router";
import { Collapse } from "antd";
import type { CSSProperties, ReactNode } from "react";
import { useTranslation } from "react-i18next";
import type { Verdict, Verification } from "../../api/types";
import { VerdictBadge } from "../../components/badges";
import { word } from "../../i18n";
import { useBilingual } from "../../lib/bilingual";
import { useFormat } from "../../lib/format";
import { change, higherIsBetter, level } from "../../lib/metric";
import { verdictColour } from "../../styles/tokens";

/** The colour of a verdict for everything inside. */
export function verdictStyle(verdict: Verdict): CSSProperties {
  return { "--badge": verdictColour[verdict] } as CSSProperties;
}

type Direction = "success" | "worse" | "none";

/** Which way a verdict points; everything but improved and worse claims no change. */
function directionOf(verdict: Verdict): Direction {
  if (verdict === "improved") return "success";
  return verdict === "worse" ? "worse" : "none";
}

/** Which way the simple comparison points: a fall can be as significant as a rise. */
export function naiveDirection(v: Pick<Verification, "naive" | "metric">): Direction {
  const { claims_success, difference, p_value } = v.naive;
  if (claims_success) return "success";
  const good = higherIsBetter(v.metric) ? 1 : -1;
  const significant = typeof p_value === "number" && p_value < 0.05;
  return significant && typeof difference === "number" && good * difference < 0 ? "worse" : "none";
}

/** The simple before/after beside our verdict, and why they differ where they do. */
export function Versus(props: { verification: Verification }) {
  const { t } = useTranslation();
  const format = useFormat();
  const { verdict, naive, metric } = props.verification;
  const answered = naive.difference !== null && naive.difference !== undefined;
  const direction = naiveDirection(props.verification);
  const disagrees = answered && direction !== directionOf(verdict);
  let answer = t("verification.naive_none");
  if (answered) answer = t(`verification.naive_answer_${direction}`);
  const why =
    direction === "worse" ? t("verification.contrast_naive_worse") : t(`verification.contrast_${verdict}`);
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
      {answered && <div className="versus__why">{disagrees ? why : t("verification.agree")}</div>}
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
          {format.count(side.n)} {word("metric_answers", metric)}
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
  const { method, naive, looks, control, baseline_rule, before, after, metric, chance } = props.verification;
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
      <Term name={t("verification.error_budget")}>
        {format.percent(method.alpha, 0)}
        <small>{t("verification.error_budget_note")}</small>
      </Term>
      {chance && (
        <Term name={t("verification.chance")}>
          {format.percent(chance.share, 0)}
          <small>
            {t("verification.chance_note", {
              family: word("chance_family", chance.family),
              pace: format.decimal(chance.per_day, 0),
            })}
          </small>
        </Term>
      )}
      <Term name={t("verification.control")}>
        {control.kind === "none"
          ? t("verification.control_none")
          : t("verification.control_topics", { n: control.topics ?? 0 })}
        {typeof method.control_factor === "number" && method.control_factor > 0 && (
          <small>
            {t("verification.control_factor", { value: format.decimal(method.control_factor, 2) })}
          </small>
        )}
      </Term>
      {method.dropped_share > 0 && (
        <Term name={t("verification.dropped")}>{format.percent(method.dropped_share)}</Term>
      )}
      {typeof method.alarm_days_z === "number" && (
        <Term name={t("verification.alarm_days")}>{format.decimal(method.alarm_days_z, 2)}</Term>
      )}
      {method.against_quiet && (
        <Term name={t("verification.against_quiet")}>
          {change(format, metric, method.against_quiet.value)}
          <small>
            {t("verification.range", {
              low: change(format, metric, method.against_quiet.low),
              high: change(format, metric, method.against_quiet.high),
            })}
          </small>
        </Term>
      )}
      <Term name={t("verification.rules_version")}>{method.version}</Term>
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

/** The verdict's name and the sentence: before any number. */
export function VerdictHead(props: { verification: Verification; large?: boolean; actions?: ReactNode }) {
  const { t } = useTranslation();
  const format = useFormat();
  const say = useBilingual();
  const v = props.verification;
  return (
    <>
      <div className="row row--between">
        <div className="row">
          <VerdictBadge verdict={v.verdict} large />
          <span className="faint">
            {t(v.state === "final" ? "verification.final" : "verification.provisional")}
            {" · "}
            {t("verification.computed", { at: format.dateTime(v.computed_at) })}
            {v.decided_on && ` · ${t("verification.decided_on", { day: format.day(v.decided_on) })}`}
          </span>
        </div>
        {props.actions}
      </div>
      <p className={props.large ? "verdict__sentence verdict__sentence--large" : "verdict__sentence"}>
        {say(v.sentence)}
      </p>
    </>
  );
}

/** What a missing thing is counted in, where counting says something. */
const COUNTED = new Set(["days", "answers", "baseline"]);

/** What stands in the way of a verdict, and how far it is. */
export function MissingList(props: { verification: Verification }) {
  const { t } = useTranslation();
  const say = useBilingual();
  const format = useFormat();
  return (
    <ul className="stack stack--tight">
      {props.verification.missing.map((missing) => {
        const done = missing.need > 0 ? Math.min(1, missing.have / missing.need) : 0;
        return (
          <li key={missing.code} className="soft">
            {say(missing.sentence)}
            {COUNTED.has(missing.code) && missing.need > 0 && (
              <span className="progress">
                <span
                  className="meter"
                  role="progressbar"
                  aria-label={t("verification.missing")}
                  aria-valuemin={0}
                  aria-valuemax={missing.need}
                  aria-valuenow={missing.have}
                >
                  <i style={{ width: `${done * 100}%` }} />
                </span>
                <small className="faint num">
                  {t("verification.progress", {
                    have: format.count(missing.have),
                    need: format.count(missing.need),
                  })}
                </small>
              </span>
            )}
          </li>
        );
      })}
    </ul>
  );
}

/** What to keep in mind beside the verdict; none of it changed the verdict silently. */
export function FlagList(props: { verification: Verification }) {
  const say = useBilingual();
  return (
    <ul className="stack stack--tight">
      {props.verification.guards.map((guard) => (
        <li key={guard.code} className="flagged soft">
          {say(guard.sentence)}
        </li>
      ))}
    </ul>
  );
}

export function Numbers(props: { verification: Verification }) {
  const { t } = useTranslation();
  const format = useFormat();
  const v = props.verification;
  return (
    <dl className="verdict__numbers">
      <SideFigure title={t("verification.before")} metric={v.metric} side={v.before} />
      <SideFigure title={t("verification.after")} metric={v.metric} side={v.after} />
      <div>
        <dt>{t(v.control.kind === "none" ? "verification.effect" : "verification.effect_net")}</dt>
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
  );
}

/** Everything that made the numbers, for whoever asks. */
export function MethodFold(props: { verification: Verification }) {
  const { t } = useTranslation();
  return (
    <Collapse
      ghost
      size="small"
      items={[
        {
          key: "details",
          label: t("verification.details"),
          children: (
            <div className="stack">
              <Details verification={props.verification} />
              <p className="faint">{t("verification.explain")}</p>
            </div>
          ),
        },
      ]}
    />
  );
}

/** The result of a verification: the sentence first, then the comparison, the numbers, and the method on request. */
export function VerdictCard(props: { verification: Verification; taskId?: string; actions?: ReactNode }) {
  const { t } = useTranslation();
  const v = props.verification;
  return (
    <section className="panel verdict" style={verdictStyle(v.verdict)} data-verdict={v.verdict}>
      <VerdictHead verification={v} actions={props.actions} />
      <Versus verification={v} />
      <Numbers verification={v} />
      {v.missing.length > 0 && (
        <div className="stack stack--tight">
          <strong>{t("verification.missing")}</strong>
          <MissingList verification={v} />
        </div>
      )}
      {v.guards.length > 0 && (
        <div className="stack stack--tight">
          <strong>{t("verification.guards")}</strong>
          <FlagList verification={v} />
        </div>
      )}
      {v.together_with.length > 0 && (
        <p className="soft">
          {t("verification.together")} {v.together_with.join(" · ")}
        </p>
      )}
      {props.taskId ? (
        <p style={{ marginTop: 12 }}>
          <Link to="/tasks/$id/verification" params={{ id: props.taskId }}>
            {t("verification.all_evidence")}
          </Link>
        </p>
      ) : (
        <MethodFold verification={v} />
      )}
    </section>
  );
}
