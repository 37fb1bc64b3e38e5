import { Link } from "@tanstack/react-router";
import { Button } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { type Route, useRoute } from "../../api/life";
import type { Issue } from "../../api/types";
import { Panel } from "../../components/page";
import { ProblemAlert } from "../../components/problem-alert";
import { useBilingual } from "../../lib/bilingual";
import { useMay } from "../../lib/session";

/** Who gets it, and the line of the rules that says so. */
export function RouteResult(props: { route: Route }) {
  const { t } = useTranslation();
  const say = useBilingual();
  const { route } = props;
  const who = [route.department_name ?? route.department, route.owner].filter(Boolean).join(" · ");
  return (
    <div className="flagged" role="status">
      <strong>{who || t("rules.loop")}</strong>
      <p className="soft">{say(route.sentence)}</p>
    </div>
  );
}

/** *Who would get this?* of one issue. */
export function RoutePanel(props: { issue: Issue }) {
  const { t } = useTranslation();
  const [asked, setAsked] = useState(false);
  const route = useRoute(props.issue.id, asked);
  const mayChange = useMay("manage_organisation");
  return (
    <Panel
      title={t("rules.who")}
      extra={mayChange && <Link to="/settings/owner-rules">{t("rules.to_rules")}</Link>}
    >
      <div className="stack stack--tight">
        <ProblemAlert error={route.error} />
        {route.data ? (
          <RouteResult route={route.data} />
        ) : (
          <Button loading={asked && route.isPending} onClick={() => setAsked(true)}>
            {t("rules.ask")}
          </Button>
        )}
      </div>
    </Panel>
  );
}
