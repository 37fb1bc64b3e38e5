import { Link, Outlet } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { Page } from "../../components/page";
import { may, type Permission, useSession } from "../../lib/session";

const PAGES: ReadonlyArray<{
  key:
    | "departments"
    | "hours"
    | "owner-rules"
    | "detectors"
    | "calendar"
    | "escalation"
    | "absences"
    | "refusals"
    | "users"
    | "tokens"
    | "plugins"
    | "organisation";
  needs?: Permission;
}> = [
  { key: "departments" },
  { key: "hours" },
  { key: "owner-rules" },
  { key: "detectors" },
  { key: "calendar" },
  { key: "escalation", needs: "read_tasks" },
  { key: "absences", needs: "run_loop" },
  { key: "refusals", needs: "read_tasks" },
  { key: "users", needs: "manage_access" },
  { key: "tokens", needs: "manage_access" },
  { key: "plugins", needs: "read_plugins" },
  { key: "organisation", needs: "manage_organisation" },
];

export function SettingsLayout() {
  const { t } = useTranslation();
  const { user } = useSession();
  return (
    <Page title={t("settings.title")}>
      <nav className="settings-nav" aria-label={t("settings.title")}>
        {PAGES.filter((page) => !page.needs || may(user.role, page.needs)).map((page) => (
          <Link
            key={page.key}
            to={`/settings/${page.key}`}
            activeProps={{ className: "active", "aria-current": "page" }}
          >
            {t(`settings.${page.key}`)}
          </Link>
        ))}
      </nav>
      <Outlet />
    </Page>
  );
}
