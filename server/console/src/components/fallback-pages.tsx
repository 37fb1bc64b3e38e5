import { type ErrorComponentProps, Link } from "@tanstack/react-router";
import { Button } from "antd";
import { useTranslation } from "react-i18next";
import { EmptyState } from "./page";
import { ProblemAlert } from "./problem-alert";

export function NotFoundPage() {
  const { t } = useTranslation();
  return (
    <EmptyState
      title={t("app.not_found")}
      next={t("app.not_found_next")}
      action={<Link to="/">{t("app.to_overview")}</Link>}
    />
  );
}

export function NoAccessPage() {
  const { t } = useTranslation();
  return (
    <EmptyState
      title={t("app.no_access")}
      next={t("app.no_access_next")}
      action={<Link to="/">{t("app.to_overview")}</Link>}
    />
  );
}

export function CrashPage(props: ErrorComponentProps) {
  const { t } = useTranslation();
  return (
    <div className="content">
      <ProblemAlert error={props.error} />
      <Button onClick={() => window.location.reload()}>{t("app.reload")}</Button>
    </div>
  );
}
