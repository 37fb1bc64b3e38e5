import {
  AccountBookOutlined,
  AlertOutlined,
  AppstoreOutlined,
  BookOutlined,
  CarryOutOutlined,
  CloudUploadOutlined,
  LogoutOutlined,
  MailOutlined,
  MenuOutlined,
  PartitionOutlined,
  PhoneOutlined,
  SettingOutlined,
} from "@ant-design/icons";
import { useQuery } from "@tanstack/react-query";
import { Link, Outlet, useLocation, useRouter } from "@tanstack/react-router";
import { Button, Drawer } from "antd";
import { type ReactNode, useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { sessionQuery, useLogOut } from "../api/hooks";
import type { Session } from "../api/types";
import { BrandMark } from "../components/brand-mark";
import { LanguageSwitch } from "../components/language-switch";
import { Loading } from "../components/page";
import { chosenLanguage, languageOf, switchLanguage } from "../i18n";
import { may, type Permission, SessionContext } from "../lib/session";

type Entry = {
  to: string;
  key:
    | "overview"
    | "issues"
    | "tasks"
    | "reviews"
    | "knowledge"
    | "savings"
    | "import"
    | "topics"
    | "mailbox"
    | "settings";
  icon: ReactNode;
  needs?: Permission;
};

const MENU: ReadonlyArray<{ group: "loop" | "sources" | "system"; entries: readonly Entry[] }> = [
  {
    group: "loop",
    entries: [
      { to: "/", key: "overview", icon: <AppstoreOutlined /> },
      { to: "/issues", key: "issues", icon: <AlertOutlined /> },
      { to: "/tasks", key: "tasks", icon: <CarryOutOutlined />, needs: "read_tasks" },
      { to: "/review-tickets", key: "reviews", icon: <PhoneOutlined />, needs: "read_tasks" },
      { to: "/knowledge", key: "knowledge", icon: <BookOutlined /> },
      { to: "/savings", key: "savings", icon: <AccountBookOutlined /> },
    ],
  },
  {
    group: "sources",
    entries: [
      { to: "/import", key: "import", icon: <CloudUploadOutlined />, needs: "send_feedback" },
      { to: "/topics", key: "topics", icon: <PartitionOutlined /> },
    ],
  },
  {
    group: "system",
    entries: [
      { to: "/mailbox", key: "mailbox", icon: <MailOutlined />, needs: "read_outbox" },
      { to: "/settings", key: "settings", icon: <SettingOutlined />, needs: "read_plugins" },
    ],
  },
];

function Brand() {
  const { t } = useTranslation();
  return (
    <Link to="/" className="brand">
      <BrandMark size={28} />
      <span>
        {t("app.name")}
        <small>{t("app.tagline")}</small>
      </span>
    </Link>
  );
}

function Rail(props: { session: Session }) {
  const { t } = useTranslation();
  const logOut = useLogOut();
  const { user, organisation, version } = props.session;
  return (
    <>
      <nav className="menu" aria-label={t("nav.main")}>
        {MENU.map(({ group, entries }) => {
          const shown = entries.filter((entry) => !entry.needs || may(user.role, entry.needs));
          return (
            shown.length > 0 && (
              <div key={group}>
                <h2>{t(`nav.${group}`)}</h2>
                {shown.map((entry) => (
                  <Link
                    key={entry.to}
                    to={entry.to}
                    activeOptions={{ exact: entry.to === "/", includeSearch: false }}
                    activeProps={{ className: "active", "aria-current": "page" }}
                  >
                    {entry.icon}
                    {t(`nav.${entry.key}`)}
                  </Link>
                ))}
              </div>
            )
          );
        })}
      </nav>
      <div className="rail__foot">
        <strong title={user.email}>{user.name}</strong>
        {t(`role.${user.role}`)} · {organisation.name}
        <div className="row row--between">
          <LanguageSwitch />
          <Button
            type="text"
            size="small"
            icon={<LogoutOutlined />}
            aria-label={t("app.log_out")}
            title={t("app.log_out")}
            loading={logOut.isPending}
            onClick={() => logOut.mutate()}
          />
        </div>
        <div className="faint" style={{ color: "inherit", marginTop: 6 }}>
          {t("app.version", { version })}
        </div>
      </div>
    </>
  );
}

/** Everything behind the log-in: navigation beside the page, or behind a button on narrow screens. */
export function Shell() {
  const { t } = useTranslation();
  const { data: session } = useQuery(sessionQuery);
  const [menuOpen, setMenuOpen] = useState(false);
  const location = useLocation();
  const router = useRouter();
  const language = session?.user.language;

  // biome-ignore lint/correctness/useExhaustiveDependencies: following a link closes the drawer
  useEffect(() => setMenuOpen(false), [location.pathname]);
  useEffect(() => {
    if (language && !chosenLanguage()) switchLanguage(languageOf(language), false);
  }, [language]);

  // Once, and with the address as it is now: a link that follows the address would chase its own redirect.
  const gone = session === null;
  useEffect(() => {
    if (!gone) return;
    const { href } = router.state.location;
    void router.navigate({ to: "/login", search: href === "/" ? {} : { next: href } });
  }, [gone, router]);

  if (!session) return <Loading />;
  return (
    <SessionContext.Provider value={session}>
      <a className="skip" href="#content">
        {t("app.skip")}
      </a>
      <div className="shell">
        <aside className="rail">
          <Brand />
          <Rail session={session} />
        </aside>
        <div>
          <header className="topbar">
            <Brand />
            <Button
              type="text"
              icon={<MenuOutlined />}
              aria-label={t("app.menu")}
              aria-expanded={menuOpen}
              onClick={() => setMenuOpen(true)}
            />
          </header>
          <main id="content" className="content" tabIndex={-1}>
            <Outlet />
          </main>
        </div>
      </div>
      <Drawer
        open={menuOpen}
        onClose={() => setMenuOpen(false)}
        placement="left"
        size={260}
        title={t("app.menu")}
        styles={{ body: { padding: 0 } }}
      >
        <div className="rail" style={{ position: "static", height: "100%" }}>
          <Rail session={session} />
        </div>
      </Drawer>
    </SessionContext.Provider>
  );
}
