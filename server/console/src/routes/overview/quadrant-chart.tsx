import { useNavigate } from "@tanstack/react-router";
import { Collapse } from "antd";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
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
      <Chart
        option={option}
        height={narrow ? 340 : 430}
        label={t("overview.quadrant")}
        onPick={(data) => {
          const point = (data as { point?: QuadrantPoint } | undefined)?.point;
          if (point) open(point);
        }}
      />
      <p className="legend">
        <span>{t("quadrant.size")}</span>
        <span>{t("quadrant.borderline")}</span>
      </p>
      <p className="faint" style={{ marginTop: 6 }}>
        {t(quadrants.basis === "ratings" ? "quadrant.basis_ratings" : "quadrant.basis_sentiment")}{" "}
        {t("quadrant.rule", {
          rule: quadrants.line_rule
            .split("/")
            .map((rule) => word("line_rule", rule))
            .join(t("app.semicolon")),
        })}
      </p>
      <Collapse
        ghost
        size="small"
        items={[
          {
            key: "table",
            label: t("quadrant.table"),
            children: (
              <div className="scroll-x">
                <table className="table">
                  <thead>
                    <tr>
                      <th>{t("quadrant.table_topic")}</th>
                      <th className="right">{t("quadrant.table_week")}</th>
                      <th className="right">{t("quadrant.tip_impact")}</th>
                      <th>{t("quadrant.table_quadrant")}</th>
                    </tr>
                  </thead>
                  <tbody>
                    {quadrants.points.map((point) => (
                      <tr key={point.topic}>
                        <td>
                          <button type="button" className="link" onClick={() => open(point)}>
                            {say(point.name)}
                          </button>
                        </td>
                        <td className="right">{format.decimal(point.contacts_per_week, 1)}</td>
                        <td className="right">{format.percent(point.impact)}</td>
                        <td>
                          <QuadrantBadge quadrant={point.quadrant} />
                        </td>
                      </tr>
                    ))}
                  </tbody>
                </table>
              </div>
            ),
          },
        ]}
      />
    </>
  );
}
