import { useNavigate } from "@tanstack/react-router";
import { Segmented } from "antd";
import { Fragment, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import type { ImpactPart } from "../../api/evidence";
import type { QuadrantPoint, Quadrants } from "../../api/types";
import { QuadrantBadge } from "../../components/badges";
import { Chart } from "../../components/chart";
import { EmptyState } from "../../components/page";
import { word } from "../../i18n";
import { useBilingual } from "../../lib/bilingual";
import { useFormat } from "../../lib/format";
import { useNarrow } from "../../lib/use-narrow";
import { quadrantOption } from "./quadrant-option";

export function QuadrantChart(props: { quadrants: Quadrants }) {
  const { t } = useTranslation();
  const format = useFormat();
  const narrow = useNarrow();
  const navigate = useNavigate();
  const say = useBilingual();
  const { quadrants } = props;
  const [view, setView] = useState<"chart" | "list">("chart");
  const option = useMemo(
    () =>
      quadrantOption(quadrants, {
        format,
        narrow,
        say,
        words: {
          quadrant: {
            fix_now: t("quadrant.fix_now"),
            plan: t("quadrant.plan"),
            quick_win: t("quadrant.quick_win"),
            watch: t("quadrant.watch"),
          },
          x: t("quadrant.x"),
          y: t(quadrants.basis === "ratings" ? "quadrant.y" : "quadrant.y_sentiment"),
          lineX: (value) => t("quadrant.line_x", { value }),
          lineY: (value) => t("quadrant.line_y", { value }),
          contacts: t("quadrant.tip_contacts"),
          perWeek: t("quadrant.table_week"),
          rated: t("quadrant.tip_rated"),
          impact: t("quadrant.tip_impact"),
          range: t("quadrant.tip_range"),
          risk: t("quadrant.tip_risk"),
          minutes: t("quadrant.tip_minutes"),
          borderline: t("quadrant.borderline"),
          clickIssue: t("quadrant.tip_click_issue"),
          clickTopic: t("quadrant.tip_click_topic"),
          unhappy: t("quadrant.unhappy"),
          money: t("quadrant.money_month"),
          moved: (from, since) => t("quadrant.moved", { from, since }),
          decided: t("quadrant.decided"),
        },
      }),
    [quadrants, format, narrow, say, t],
  );

  if (quadrants.points.length === 0) {
    return <EmptyState title={t("quadrant.none")} next={t("quadrant.none_next")} />;
  }

  function open(point: QuadrantPoint) {
    if (point.issue_id) void navigate({ to: "/issues/$id", params: { id: point.issue_id } });
    else void navigate({ to: "/topics", search: { topic: point.topic } });
  }

  return (
    <>
      <Segmented<"chart" | "list">
        size="small"
        aria-label={t("quadrant.view")}
        value={view}
        onChange={setView}
        options={[
          { value: "chart", label: t("quadrant.view_chart") },
          { value: "list", label: t("quadrant.view_list") },
        ]}
        style={{ marginBottom: 8 }}
      />
      {view === "list" ? (
        <QuadrantList quadrants={quadrants} open={open} />
      ) : (
        <>
          <Chart
            option={option}
            height={narrow ? 340 : 430}
            label={t("overview.quadrant")}
            onPick={(data) => {
              const point = (data as { point?: QuadrantPoint } | undefined)?.point;
              if (point) open(point);
            }}
          />
          {narrow && (
            <ol className="quadrant-key">
              {quadrants.points.map((point) => (
                <li key={point.topic}>
                  <button type="button" className="link" onClick={() => open(point)}>
                    {say(point.name)}
                  </button>
                  <QuadrantBadge quadrant={point.quadrant} />
                </li>
              ))}
            </ol>
          )}
          <p className="legend">
            <span>{t("quadrant.size")}</span>
            <span>{t("quadrant.borderline")}</span>
            <span>{t("quadrant.legend_range")}</span>
            <span>{t("quadrant.legend_trail")}</span>
          </p>
        </>
      )}
      <LinesText quadrants={quadrants} />
    </>
  );
}

/** How the lines were drawn, and when they are drawn again. */
function LinesText(props: { quadrants: Quadrants }) {
  const { t } = useTranslation();
  const format = useFormat();
  const { lines, basis, line_rule } = props.quadrants;
  const rules = lines ? [lines.frequency_rule, lines.impact_rule] : line_rule.split("/");
  // A line that somebody set does not follow the data.
  const drawn = basis === "ratings" ? lines?.ratings_today : lines?.sentiment_today;
  const impact = lines?.impact_rule === "overall" ? drawn : props.quadrants.impact_line;
  const follows = lines?.frequency_rule === "fixed" ? undefined : lines?.frequency_today;
  const frequency = follows ?? props.quadrants.frequency_line;
  return (
    <p className="faint" style={{ marginTop: 6 }}>
      {t(basis === "ratings" ? "quadrant.basis_ratings" : "quadrant.basis_sentiment")}{" "}
      {t("quadrant.rule", { rule: rules.map((rule) => word("line_rule", rule)).join(t("app.semicolon")) })}{" "}
      {lines &&
        (lines.drawn_on
          ? t("quadrant.frozen", {
              day: format.day(lines.drawn_on),
              frequency: format.decimal(frequency, 0),
              impact: format.percent(impact),
            })
          : t("quadrant.follows"))}
    </p>
  );
}

/** The formula of an impact: what adds how much, and in words. */
export function ImpactFormula(props: { parts: readonly ImpactPart[]; total: number }) {
  const { t } = useTranslation();
  const format = useFormat();
  const say = useBilingual();
  return (
    <dl className="formula num">
      {props.parts.map((part) => (
        <div key={part.part}>
          <dt>{word("impact_part", part.part)}</dt>
          <dd>
            {format.points(part.contribution)}
            <small>{say(part.explanation)}</small>
          </dd>
        </div>
      ))}
      <div className="formula__sum">
        <dt>{t("quadrant.formula_sum")}</dt>
        <dd>{format.percent(props.total)}</dd>
      </div>
    </dl>
  );
}

function Moved(props: { point: QuadrantPoint }) {
  const { t } = useTranslation();
  const format = useFormat();
  const { movement, quadrant } = props.point;
  if (!movement?.previous || !movement.since || movement.previous === quadrant) return null;
  return (
    <small className="faint block">
      {t("quadrant.moved", {
        from: t(`quadrant.${movement.previous}`),
        since: format.date(movement.since),
      })}
    </small>
  );
}

/** The same as the chart for those who read: every figure, the formula, and the money beside it. */
function QuadrantList(props: { quadrants: Quadrants; open: (point: QuadrantPoint) => void }) {
  const { t } = useTranslation();
  const format = useFormat();
  const say = useBilingual();
  const { points } = props.quadrants;
  const [opened, setOpened] = useState<string | null>(null);
  const money = (cents: number | null | undefined) => (typeof cents === "number" ? format.money(cents) : "–");
  return (
    <div className="scroll-x">
      <table className="table table--topics">
        <thead>
          <tr>
            <th scope="col">{t("quadrant.table_topic")}</th>
            <th scope="col">{t("quadrant.table_quadrant")}</th>
            <th scope="col" className="right">
              {t("quadrant.table_week")}
            </th>
            <th scope="col" className="right">
              {t("quadrant.tip_impact")}
            </th>
            <th scope="col" className="right">
              {t("quadrant.unhappy")}
            </th>
            <th scope="col" className="right beside">
              {t("quadrant.money_month")}
            </th>
          </tr>
        </thead>
        <tbody>
          {points.map((point) => (
            <Fragment key={point.topic}>
              <tr className={opened === point.topic ? "opened" : ""}>
                <td>
                  <button type="button" className="link" onClick={() => props.open(point)}>
                    {say(point.name)}
                  </button>
                  {(point.parts ?? []).length > 0 && (
                    <button
                      type="button"
                      className="link block small"
                      aria-expanded={opened === point.topic}
                      onClick={() => setOpened(opened === point.topic ? null : point.topic)}
                    >
                      {t("quadrant.formula")}
                    </button>
                  )}
                </td>
                <td>
                  <QuadrantBadge quadrant={point.quadrant} />
                  {point.override && <small className="faint block">{t("quadrant.decided")}</small>}
                  {point.borderline && <small className="faint block">{t("quadrant.uncertain")}</small>}
                  <Moved point={point} />
                </td>
                <td className="right">
                  {format.decimal(point.contacts_per_week, 1)}
                  {typeof point.share === "number" && (
                    <small className="faint block">
                      {t("quadrant.share", { share: format.percent(point.share, 0) })}
                    </small>
                  )}
                </td>
                <td className="right">
                  {format.percent(point.impact)}
                  <small className="faint block">
                    {format.percent(point.impact_low)} – {format.percent(point.impact_high)}
                  </small>
                </td>
                <td className="right">
                  {typeof point.unhappy_per_week === "number"
                    ? format.decimal(point.unhappy_per_week, 1)
                    : "–"}
                  {typeof point.avoidable_per_week === "number" && (
                    <small className="faint block">
                      {t("quadrant.avoidable", { n: format.decimal(point.avoidable_per_week, 1) })}
                    </small>
                  )}
                </td>
                <td className="right beside">
                  {money(point.money?.total_cents_per_month)}
                  {point.money && (
                    <small className="faint block">
                      {t("quadrant.money_parts", {
                        handling: money(point.money.handling_cents_per_month),
                        compensation: money(point.money.compensation_cents_per_month),
                      })}
                    </small>
                  )}
                </td>
              </tr>
              {opened === point.topic && (
                <tr>
                  <td colSpan={6}>
                    <ImpactFormula parts={point.parts ?? []} total={point.impact} />
                    <p className="faint">{say(point.explanation)}</p>
                  </td>
                </tr>
              )}
            </Fragment>
          ))}
        </tbody>
      </table>
      <p className="faint" style={{ marginTop: 8 }}>
        {t("quadrant.money_note")}
      </p>
    </div>
  );
}
