import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  Outlet,
  redirect,
} from "@tanstack/react-router";
import { queryClient, sessionQuery } from "./api/hooks";
import { CrashPage, NotFoundPage } from "./components/fallback-pages";
import { Loading } from "./components/page";

const rootRoute = createRootRoute({ component: Outlet, notFoundComponent: NotFoundPage });

const text = (value: unknown): string | undefined =>
  typeof value === "string" && value !== "" ? value : undefined;

const loginRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/login",
  validateSearch: (search: Record<string, unknown>): { next?: string } => {
    const next = text(search.next);
    return next ? { next } : {};
  },
  component: lazyRouteComponent(() => import("./routes/identity/login-page"), "LoginPage"),
});

const shellRoute = createRoute({
  getParentRoute: () => rootRoute,
  id: "shell",
  beforeLoad: async ({ location }) => {
    const session = await queryClient.ensureQueryData(sessionQuery);
    if (!session) {
      throw redirect({ to: "/login", search: location.href === "/" ? {} : { next: location.href } });
    }
  },
  component: lazyRouteComponent(() => import("./routes/shell"), "Shell"),
});

const overviewRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/",
  component: lazyRouteComponent(() => import("./routes/overview/overview-page"), "OverviewPage"),
});

const issuesRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/issues",
  validateSearch: (
    search: Record<string, unknown>,
  ): { state?: string; quadrant?: string; kind?: string; topic?: string } => {
    const [state, quadrant] = [text(search.state), text(search.quadrant)];
    const [kind, topic] = [text(search.kind), text(search.topic)];
    return {
      ...(state && { state }),
      ...(quadrant && { quadrant }),
      ...(kind && { kind }),
      ...(topic && { topic }),
    };
  },
  component: lazyRouteComponent(() => import("./routes/issues/issues-page"), "IssuesPage"),
});

const issueRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/issues/$id",
  component: lazyRouteComponent(() => import("./routes/issues/issue-page"), "IssuePage"),
});

const tasksRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/tasks",
  validateSearch: (
    search: Record<string, unknown>,
  ): { state?: string; view?: "list" | "board" | "departments" | "calendar"; month?: string } => {
    const state = text(search.state);
    const views = ["list", "board", "departments", "calendar"] as const;
    const view = views.find((known) => known === search.view);
    const month = text(search.month);
    return {
      ...(state && { state }),
      ...(view && { view }),
      ...(month && /^\d{4}-(0[1-9]|1[0-2])$/.test(month) && { month }),
    };
  },
  component: lazyRouteComponent(() => import("./routes/tasks/tasks-page"), "TasksPage"),
});

const reviewsRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/review-tickets",
  validateSearch: (search: Record<string, unknown>): { state?: string } => {
    const state = text(search.state);
    return state ? { state } : {};
  },
  component: lazyRouteComponent(() => import("./routes/reviews/reviews-page"), "ReviewsPage"),
});

const taskRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/tasks/$id",
  component: lazyRouteComponent(() => import("./routes/tasks/task-page"), "TaskPage"),
});

const verificationRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/tasks/$id/verification",
  component: lazyRouteComponent(() => import("./routes/verification/verification-page"), "VerificationPage"),
});

const knowledgeRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/knowledge",
  validateSearch: (search: Record<string, unknown>): { q?: string } => {
    const q = text(search.q);
    return q ? { q } : {};
  },
  component: lazyRouteComponent(() => import("./routes/knowledge/knowledge-page"), "KnowledgePage"),
});

const articleRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/knowledge/$id",
  component: lazyRouteComponent(() => import("./routes/knowledge/article-page"), "ArticlePage"),
});

const savingsRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/savings",
  validateSearch: (search: Record<string, unknown>): { month?: string } => {
    const month = text(search.month);
    return month ? { month } : {};
  },
  component: lazyRouteComponent(() => import("./routes/verification/savings-page"), "SavingsPage"),
});

const importRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/import",
  component: lazyRouteComponent(() => import("./routes/intake/import-page"), "ImportPage"),
});

const topicsRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/topics",
  validateSearch: (search: Record<string, unknown>): { topic?: string } => {
    const topic = text(search.topic);
    return topic ? { topic } : {};
  },
  component: lazyRouteComponent(() => import("./routes/topics/topics-page"), "TopicsPage"),
});

const mailboxRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/mailbox",
  validateSearch: (search: Record<string, unknown>): { mail?: string; tab?: string } => {
    const mail = text(search.mail);
    const tab = text(search.tab);
    return { ...(mail && { mail }), ...(tab && { tab }) };
  },
  component: lazyRouteComponent(() => import("./routes/notify/mailbox-page"), "MailboxPage"),
});

const settingsRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/settings",
  component: lazyRouteComponent(() => import("./routes/settings/settings-layout"), "SettingsLayout"),
});

const settingsIndexRoute = createRoute({
  getParentRoute: () => settingsRoute,
  path: "/",
  beforeLoad: () => {
    throw redirect({ to: "/settings/departments" });
  },
});

const settingsPages = [
  createRoute({
    getParentRoute: () => settingsRoute,
    path: "departments",
    component: lazyRouteComponent(() => import("./routes/tasks/departments-page"), "DepartmentsPage"),
  }),
  createRoute({
    getParentRoute: () => settingsRoute,
    path: "owner-rules",
    component: lazyRouteComponent(() => import("./routes/issues/owner-rules-page"), "OwnerRulesPage"),
  }),
  createRoute({
    getParentRoute: () => settingsRoute,
    path: "detectors",
    component: lazyRouteComponent(() => import("./routes/detection/detectors-page"), "DetectorsPage"),
  }),
  createRoute({
    getParentRoute: () => settingsRoute,
    path: "detectors/edit",
    validateSearch: (search: Record<string, unknown>): { key?: string; kind?: string } => {
      const key = text(search.key);
      const kind = text(search.kind);
      return { ...(key && { key }), ...(kind && { kind }) };
    },
    component: lazyRouteComponent(() => import("./routes/detection/detector-page"), "DetectorPage"),
  }),
  createRoute({
    getParentRoute: () => settingsRoute,
    path: "calendar",
    component: lazyRouteComponent(() => import("./routes/detection/calendar-page"), "CalendarPage"),
  }),
  createRoute({
    getParentRoute: () => settingsRoute,
    path: "escalation",
    component: lazyRouteComponent(() => import("./routes/handling/policies-page"), "PoliciesPage"),
  }),
  createRoute({
    getParentRoute: () => settingsRoute,
    path: "absences",
    component: lazyRouteComponent(() => import("./routes/handling/absences-page"), "AbsencesPage"),
  }),
  createRoute({
    getParentRoute: () => settingsRoute,
    path: "refusals",
    component: lazyRouteComponent(() => import("./routes/handling/refusals-page"), "RefusalsPage"),
  }),
  createRoute({
    getParentRoute: () => settingsRoute,
    path: "hours",
    component: lazyRouteComponent(
      () => import("./routes/calendar/business-calendars-page"),
      "BusinessCalendarsPage",
    ),
  }),
  createRoute({
    getParentRoute: () => settingsRoute,
    path: "users",
    component: lazyRouteComponent(() => import("./routes/identity/users-page"), "UsersPage"),
  }),
  createRoute({
    getParentRoute: () => settingsRoute,
    path: "tokens",
    component: lazyRouteComponent(() => import("./routes/identity/tokens-page"), "TokensPage"),
  }),
  createRoute({
    getParentRoute: () => settingsRoute,
    path: "plugins",
    component: lazyRouteComponent(() => import("./routes/plugins/plugins-page"), "PluginsPage"),
  }),
  createRoute({
    getParentRoute: () => settingsRoute,
    path: "plugins/edit",
    validateSearch: (search: Record<string, unknown>): { key?: string; plugin?: string } => {
      const key = text(search.key);
      const plugin = text(search.plugin);
      return { ...(key && { key }), ...(plugin && { plugin }) };
    },
    component: lazyRouteComponent(() => import("./routes/plugins/installation-page"), "InstallationPage"),
  }),
  createRoute({
    getParentRoute: () => settingsRoute,
    path: "organisation",
    component: lazyRouteComponent(() => import("./routes/identity/organisation-page"), "OrganisationPage"),
  }),
] as const;

const routeTree = rootRoute.addChildren([
  loginRoute,
  shellRoute.addChildren([
    overviewRoute,
    issuesRoute,
    issueRoute,
    tasksRoute,
    taskRoute,
    reviewsRoute,
    verificationRoute,
    knowledgeRoute,
    articleRoute,
    savingsRoute,
    importRoute,
    topicsRoute,
    mailboxRoute,
    settingsRoute.addChildren([settingsIndexRoute, ...settingsPages]),
  ]),
]);

export function makeRouter() {
  return createRouter({
    routeTree,
    defaultPreload: "intent",
    defaultPendingComponent: Loading,
    defaultErrorComponent: CrashPage,
    scrollRestoration: true,
  });
}

declare module "@tanstack/react-router" {
  interface Register {
    router: ReturnType<typeof makeRouter>;
  }
}
