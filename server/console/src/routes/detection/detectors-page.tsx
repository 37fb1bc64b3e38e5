import { Link, useNavigate } from "@tanstack/react-router";
import { Button } from "antd";
import { useTranslation } from "react-i18next";
import { useDetectors } from "../../api/hooks";
import type { Detector } from "../../api/types";
import { Badge } from "../../components/badges";
import { EmptyState, Panel, QueryView } from "../../components/page";
import { word } from "../../i18n";
import { dayIn, useFormat } from "../../lib/format";
import { useMay } from "../../lib/session";
import { useTopicNames } from "../../lib/topic-names";
import { colour } from "../../styles/tokens";
import { scopesOf } from "./kinds";
import { muteOn } from "./mute-panel";

/** What the rule says, in one line: its telling parameters. */
function useRuleText(): (detector: Detector) => string {
  const { t } = useTranslation();
  const format = useFormat();
  return ({ kind, params }) => {
    const number = (name: string, digits = 0) => {
      const value = params[name];
      return typeof value === "number" ? format.decimal(value, digits) : "–";
    };
    const percent = (name: string) => {
      const value = params[name];
      return typeof value === "number" ? format.percent(value, 0) : "–";
    };
    switch (kind) {
      case "threshold":
        return t("rule.threshold", { limit: number("limit") });
      case "spike":
        return t("rule.spike", { factor: number("factor", 1) });
      case "csat_fall":
        return t("rule.csat_fall", { alarms: number("alarms_per_year", 1) });
      case "risk":
        return t("rule.risk", { limit: number("limit") });
      case "low_rating":
        return t("rule.low_rating", { rating: number("max_rating"), limit: number("limit") });
      case "no_result_search":
        return t("rule.no_result_search", { limit: number("limit"), days: number("window_days") });
      case "unhelpful_article":
        return t("rule.unhelpful_article", {
          share: percent("max_unhelpful_share"),
          votes: number("min_votes"),
        });
      case "agent_drift":
        return t("rule.agent_drift", { ratio: number("max_handling_ratio", 1), falls: number("falls") });
      case "phrase": {
        const phrases = Array.isArray(params.phrases) ? params.phrases : [];
        return t("rule.phrase", { phrases: phrases.join(t("app.comma")) });
      }
      case "silent_source":
        return t("rule.silent_source", { share: percent("max_share") });
      case "new_topic":
        return t("rule.new_topic", { contacts: number("min_contacts"), days: number("window_days") });
    }
  };
}

function Scope(props: { detector: Detector }) {
  const { t } = useTranslation();
  const nameOf = useTopicNames();
  const { kind } = props.detector;
  const { topic, channel, region } = props.detector.scope;
  if (scopesOf(kind).length === 0) return null;
  const whole = kind === "silent_source" ? "detectors.scope_each_channel" : "detectors.scope_each_topic";
  const parts = [
    topic ? nameOf(topic) : channel && kind === "silent_source" ? "" : t(whole),
    channel,
    region,
  ];
  return <span>{parts.filter(Boolean).join(" · ")}</span>;
}

function State(props: { detector: Detector }) {
  const { t } = useTranslation();
  const format = useFormat();
  const muted = muteOn(props.detector, dayIn(new Date(), format.zone));
  if (!props.detector.enabled) return <Badge colour={colour.inkFaint}>{t("detectors.off")}</Badge>;
  if (muted) {
    return <Badge colour="#8f6a12">{t("mute.until", { day: format.dayShort(muted.until) })}</Badge>;
  }
  return <Badge colour={colour.teal700}>{t("detectors.enabled")}</Badge>;
}

function DetectorRow(props: { detector: Detector; text: string }) {
  const { t } = useTranslation();
  const format = useFormat();
  const mayEdit = useMay("manage_organisation");
  const { detector } = props;
  const muted = muteOn(detector, dayIn(new Date(), format.zone));
  const inner = (
    <>
      <span>
        <span className="record__title">
          {word("detector_kind", detector.kind)}
          <span className="soft">
            {t("app.colon")}
            {props.text}
          </span>
        </span>
        <span className="record__meta">
          <Scope detector={detector} />
          {detector.owner && <span>{t("detectors.owned_by", { owner: detector.owner })}</span>}
          <span className="code">{detector.key}</span>
          <span>{t("detectors.version", { n: detector.version })}</span>
          {detector.activity && (
            <span>
              {t("detectors.raised", { n: format.count(detector.activity.raised) })}
              {detector.activity.withheld > 0 &&
                t("detectors.withheld", { n: format.count(detector.activity.withheld) })}
            </span>
          )}
          {muted && <span>{t("mute.because", { reason: muted.reason })}</span>}
        </span>
      </span>
      <span className="record__side">
        <State detector={detector} />
        {mayEdit && <span className="link">{t("app.edit")}</span>}
      </span>
    </>
  );
  return mayEdit ? (
    <Link className="record" to="/settings/detectors/edit" search={{ key: detector.key }}>
      {inner}
    </Link>
  ) : (
    <div className="record">{inner}</div>
  );
}

export function DetectorsPage() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const detectors = useDetectors();
  const mayEdit = useMay("manage_organisation");
  const ruleText = useRuleText();
  const add = mayEdit && (
    <Button type="primary" onClick={() => void navigate({ to: "/settings/detectors/edit", search: {} })}>
      {t("detectors.add")}
    </Button>
  );
  return (
    <div className="stack">
      <div className="row row--between">
        <p className="soft">{t("detectors.intro")}</p>
        {add}
      </div>
      <QueryView query={detectors}>
        {(items) => (
          <Panel flush>
            {items.length === 0 ? (
              <EmptyState title={t("detectors.none")} next={t("detectors.none_next")} action={add} />
            ) : (
              <ul className="records">
                {items.map((detector) => (
                  <li key={detector.key}>
                    <DetectorRow detector={detector} text={ruleText(detector)} />
                  </li>
                ))}
              </ul>
            )}
          </Panel>
        )}
      </QueryView>
    </div>
  );
}
