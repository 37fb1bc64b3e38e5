import type { UseQueryResult } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Button, Spin } from "antd";
import { type ReactNode, useEffect } from "react";
import { useTranslation } from "react-i18next";
import { ProblemAlert } from "./problem-alert";

/** A page's head: what this is, what it is for, what can be done. */
export function Page(props: {
  title: string;
  intro?: ReactNode;
  crumb?: { to: string; label: string };
  extra?: ReactNode;
  children: ReactNode;
}) {
  const { t } = useTranslation();
  useEffect(() => {
    document.title = `${props.title} · ${t("app.name")}`;
  }, [props.title, t]);
  return (
    <>
      <header className="page-head">
        <div>
          {props.crumb && (
            <Link className="crumb" to={props.crumb.to}>
              <span aria-hidden="true">←</span> {props.crumb.label}
            </Link>
          )}
          <h1>{props.title}</h1>
          {props.intro && <p>{props.intro}</p>}
        </div>
        {props.extra && <div className="page-head__extra">{props.extra}</div>}
      </header>
      {props.children}
    </>
  );
}

export function Panel(props: {
  title?: ReactNode;
  extra?: ReactNode;
  flush?: boolean;
  className?: string;
  children: ReactNode;
}) {
  const names = ["panel", props.flush ? "panel--flush" : "", props.className ?? ""].filter(Boolean).join(" ");
  return (
    <section className={names}>
      {props.title && (
        <div className="panel__head">
          <h2>{props.title}</h2>
          {props.extra}
        </div>
      )}
      {props.children}
    </section>
  );
}

/** Nothing here, said plainly, with the step that would change it. */
export function EmptyState(props: { title: string; next?: ReactNode; action?: ReactNode }) {
  return (
    <div className="empty">
      <strong>{props.title}</strong>
      {props.next && <p>{props.next}</p>}
      {props.action && <div className="row">{props.action}</div>}
    </div>
  );
}

export function Loading() {
  const { t } = useTranslation();
  return (
    <div className="loading" role="status">
      <Spin />
      <span className="visually-hidden">{t("app.loading")}</span>
    </div>
  );
}

/** Loading, failure and data of one query. Data that is already there stays on the screen while a refresh fails. */
export function QueryView<T>(props: {
  query: Pick<UseQueryResult<T>, "data" | "isError" | "error"> & { refetch: () => unknown };
  children: (data: T) => ReactNode;
}) {
  const { query } = props;
  if (query.data !== undefined) {
    return (
      <>
        {query.isError && <ProblemAlert error={query.error} onRetry={() => query.refetch()} />}
        {props.children(query.data)}
      </>
    );
  }
  if (query.isError) return <ProblemAlert error={query.error} onRetry={() => query.refetch()} />;
  return <Loading />;
}

/** The button below a list whose rest has not been read yet. */
export function More(props: {
  query: { hasNextPage: boolean; isFetchingNextPage: boolean; fetchNextPage: () => unknown };
}) {
  const { t } = useTranslation();
  if (!props.query.hasNextPage) return null;
  return (
    <div className="row" style={{ justifyContent: "center", padding: 12 }}>
      <Button loading={props.query.isFetchingNextPage} onClick={() => props.query.fetchNextPage()}>
        {t("app.load_more")}
      </Button>
    </div>
  );
}
