import {
  keepPreviousData,
  QueryClient,
  queryOptions,
  useInfiniteQuery,
  useMutation,
  useQuery,
  useQueryClient,
} from "@tanstack/react-query";
import { http, ifMatch, multipart, once, rememberCsrfToken, unwrap } from "./client";
import type {
  CalendarNote,
  ContractWish,
  DetectorSignal,
  SavingsReport,
  SourceGap,
  Statement,
  UnusualTopics,
} from "./evidence";
import { hasStatus, ProblemError } from "./problem";
import type {
  Article,
  Backtest,
  Channel,
  Contract,
  Coverage,
  Department,
  Detector,
  Facts,
  Import,
  ImportPreview,
  Issue,
  List,
  MailboxItem,
  Organisation,
  Overview,
  Quadrant,
  Role,
  Session,
  SimilarSolution,
  Task,
  Token,
  Topic,
  TopicSet,
  User,
  Verification,
} from "./types";

const LIVE = 15_000;

export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 5_000,
      // A refusal is final; only a lost connection or an overloaded server is worth another try.
      retry: (count, error) =>
        count < 2 && error instanceof ProblemError && (error.status === 0 || error.status >= 500),
    },
  },
});

/** A session that ended on the server ends here too, wherever it is noticed. */
function noticeEnd(error: unknown): void {
  if (!(error instanceof ProblemError) || error.code !== "not_authenticated") return;
  changeReader(null);
}

queryClient.getQueryCache().subscribe((event) => {
  if (event.type === "updated" && event.action.type === "error") noticeEnd(event.action.error);
});
queryClient.getMutationCache().subscribe((event) => {
  if (event.type === "updated" && event.action.type === "error") noticeEnd(event.action.error);
});

// ---- identity -------------------------------------------------------------------------------

/** The session in use, or null when nobody is logged in. */
export const sessionQuery = queryOptions({
  queryKey: ["session"],
  staleTime: 60_000,
  queryFn: async (): Promise<Session | null> => {
    try {
      const session = await unwrap<Session>(http.GET("/api/v1/session"));
      rememberCsrfToken(session.csrf_token);
      return session;
    } catch (error) {
      if (hasStatus(error, 401)) return null;
      throw error;
    }
  },
});

/** Another reader, or none: nothing that the former one saw stays in the cache. */
function changeReader(session: Session | null): void {
  rememberCsrfToken(session?.csrf_token ?? null);
  // The session's own entry stays, because the page watches it.
  queryClient.removeQueries({ predicate: (query) => query.queryKey[0] !== sessionQuery.queryKey[0] });
  queryClient.setQueryData(sessionQuery.queryKey, session);
}

export function useLogIn() {
  return useMutation({
    mutationFn: (body: { email: string; password: string }) =>
      unwrap<Session>(http.POST("/api/v1/session", { body })),
    onSuccess: (session) => changeReader(session),
  });
}

export function useLogOut() {
  return useMutation({
    mutationFn: () => unwrap<void>(http.DELETE("/api/v1/session")),
    onSettled: () => changeReader(null),
  });
}

/** Reloads everything under `roots` after a write. */
export function useRefresh(...roots: string[]) {
  const client = useQueryClient();
  return () => Promise.all(roots.map((root) => client.invalidateQueries({ queryKey: [root] })));
}

export function useOrganisation() {
  return useQuery({
    queryKey: ["organisation"],
    queryFn: () => unwrap<Organisation>(http.GET("/api/v1/organisation")),
  });
}

export function useSaveOrganisation() {
  const onSuccess = useRefresh("organisation", "session", "overview");
  return useMutation({
    onSuccess,
    mutationFn: ({ version, ...body }: Organisation) =>
      unwrap<Organisation>(
        // The document does not say what the values of its maps are.
        http.PUT("/api/v1/organisation", { body: body as never, headers: ifMatch(version) }),
      ),
  });
}

export function useUsers() {
  return useQuery({
    queryKey: ["users"],
    queryFn: async () => (await unwrap<List<User>>(http.GET("/api/v1/users"))).items,
  });
}

export type NewUser = {
  email: string;
  name: string;
  role: Role;
  department?: string | null;
  language: string;
  password: string;
};

export function useAddUser() {
  const onSuccess = useRefresh("users");
  return useMutation({
    onSuccess,
    mutationFn: (body: NewUser) =>
      once("user", body.email, (headers) => unwrap<User>(http.POST("/api/v1/users", { body, headers }))),
  });
}

export function useChangeUser() {
  const onSuccess = useRefresh("users");
  return useMutation({
    onSuccess,
    mutationFn: ({ id, ...body }: { id: string; disabled: boolean }) =>
      unwrap<User>(http.PUT("/api/v1/users/{id}", { params: { path: { id } }, body })),
  });
}

export function useTokens() {
  return useQuery({
    queryKey: ["tokens"],
    queryFn: async () => (await unwrap<List<Token>>(http.GET("/api/v1/tokens"))).items,
  });
}

export function useAddToken() {
  const onSuccess = useRefresh("tokens");
  return useMutation({
    onSuccess,
    mutationFn: (body: { name: string; role: Role; expires_at?: string | null }) =>
      once("token", body, (headers) => unwrap<Token>(http.POST("/api/v1/tokens", { body, headers }))),
  });
}

export function useRevokeToken() {
  const onSuccess = useRefresh("tokens");
  return useMutation({
    onSuccess,
    mutationFn: (id: string) =>
      unwrap<void>(http.DELETE("/api/v1/tokens/{id}", { params: { path: { id } } })),
  });
}

/**
 * A list that grows page by page, `data` being the items so far. People read the first page and filter; nobody waits
 * for the rest.
 */
export function usePages<T>(key: readonly unknown[], load: (cursor: string | undefined) => Promise<List<T>>) {
  return useInfiniteQuery({
    queryKey: key,
    refetchInterval: LIVE,
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam }) => load(pageParam),
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    select: (data) => data.pages.flatMap((page) => page.items),
  });
}

// ---- overview -------------------------------------------------------------------------------

export function useOverview() {
  return useQuery({
    queryKey: ["overview"],
    refetchInterval: LIVE,
    queryFn: () => unwrap<Overview>(http.GET("/api/v1/overview")),
  });
}

export type FactsFilter = { metric: string; from: string; to: string; topic: string };

/** Daily values of one metric of one topic; `enabled` waits until the page knows its window. */
export function useDailyFacts(filter: FactsFilter, enabled = true) {
  return useQuery({
    queryKey: ["facts", filter],
    enabled,
    queryFn: async () => {
      const facts = await unwrap<Facts>(
        http.GET("/api/v1/facts", { params: { query: { ...filter, group_by: "day" } } }),
      );
      return facts.items;
    },
  });
}

// ---- intake ---------------------------------------------------------------------------------

export function useChannels() {
  return useQuery({
    queryKey: ["channels"],
    queryFn: async () => (await unwrap<List<Channel>>(http.GET("/api/v1/channels"))).items,
  });
}

export function useImports() {
  return useQuery({
    queryKey: ["imports"],
    queryFn: async () =>
      (await unwrap<List<Import>>(http.GET("/api/v1/imports", { params: { query: { limit: 50 } } }))).items,
    refetchInterval: (query) => (query.state.data?.some((i) => i.state === "running") ? 1_500 : false),
  });
}

export function useImport(id: string | null) {
  return useQuery({
    queryKey: ["import", id],
    enabled: id !== null,
    queryFn: () => unwrap<Import>(http.GET("/api/v1/imports/{id}", { params: { path: { id: id ?? "" } } })),
    refetchInterval: (query) => (query.state.data && query.state.data.state !== "running" ? false : 1_000),
  });
}

export function usePreviewImport() {
  return useMutation({
    mutationFn: (file: File) =>
      unwrap<ImportPreview>(http.POST("/api/v1/imports/preview", multipart({ file }))),
  });
}

export type NewImport = {
  file: File;
  channel: string;
  mapping: Record<string, string>;
  occurred_at?: string;
};

export function useStartImport() {
  const onSuccess = useRefresh("imports", "channels");
  return useMutation({
    onSuccess,
    mutationFn: ({ file, channel, mapping, occurred_at }: NewImport) =>
      once("import", [file.name, file.size, file.lastModified, channel, mapping, occurred_at], (headers) =>
        unwrap<Import>(
          http.POST("/api/v1/imports", {
            ...multipart({ channel, mapping: JSON.stringify(mapping), occurred_at, file }),
            headers,
          }),
        ),
      ),
  });
}

export function rejectedRowsUrl(id: string): string {
  return `/api/v1/imports/${encodeURIComponent(id)}/rejected`;
}

// ---- topics ---------------------------------------------------------------------------------

export function useTopics() {
  return useQuery({
    queryKey: ["topics"],
    queryFn: async () => (await unwrap<List<Topic>>(http.GET("/api/v1/topics"))).items,
  });
}

export type TopicDraft = Omit<Topic, "version" | "state"> & { version?: number };

export function useSaveTopic() {
  const onSuccess = useRefresh("topics", "coverage", "overview");
  return useMutation({
    onSuccess,
    mutationFn: ({ version, ...body }: TopicDraft) =>
      unwrap<Topic>(
        http.PUT("/api/v1/topics/{key}", {
          params: { path: { key: body.key } },
          body,
          headers: ifMatch(version),
        }),
      ),
  });
}

export function useRemoveTopic() {
  const onSuccess = useRefresh("topics", "coverage", "overview");
  return useMutation({
    onSuccess,
    mutationFn: (key: string) =>
      unwrap<void>(http.DELETE("/api/v1/topics/{key}", { params: { path: { key } } })),
  });
}

export function useTopicSets() {
  return useQuery({
    queryKey: ["topic-sets"],
    staleTime: Number.POSITIVE_INFINITY,
    queryFn: async () => (await unwrap<List<TopicSet>>(http.GET("/api/v1/topic-sets"))).items,
  });
}

export function useApplyTopicSet() {
  const onSuccess = useRefresh("topics", "coverage");
  return useMutation({
    onSuccess,
    mutationFn: (key: string) =>
      once("topic-set", key, (headers) =>
        unwrap<{ added: number }>(
          http.POST("/api/v1/topic-sets/{key}/apply", { params: { path: { key } }, headers }),
        ),
      ),
  });
}

export function useCoverage(days = 28) {
  return useQuery({
    queryKey: ["coverage", days],
    queryFn: () => unwrap<Coverage>(http.GET("/api/v1/coverage", { params: { query: { days } } })),
  });
}

// ---- issues and tasks -----------------------------------------------------------------------

export type IssueFilter = { state?: string; quadrant?: string; kind?: string; topic?: string };

export function useIssues(filter: IssueFilter) {
  return usePages(["issues", filter], (cursor) =>
    unwrap<List<Issue>>(http.GET("/api/v1/issues", { params: { query: { ...filter, cursor } } })),
  );
}

export function useIssue(id: string) {
  return useQuery({
    queryKey: ["issues", "one", id],
    refetchInterval: LIVE,
    queryFn: () => unwrap<Issue>(http.GET("/api/v1/issues/{id}", { params: { path: { id } } })),
  });
}

/** A person's decision on the quadrant; it holds until it is released. */
export function useDecideQuadrant(issueId: string) {
  const onSuccess = useRefresh("issues", "overview");
  return useMutation({
    onSuccess,
    mutationFn: (body: { quadrant: Quadrant; reason: string }) =>
      unwrap<unknown>(http.PUT("/api/v1/issues/{id}/quadrant", { params: { path: { id: issueId } }, body })),
  });
}

export function useReleaseQuadrant(issueId: string) {
  const onSuccess = useRefresh("issues", "overview");
  return useMutation({
    onSuccess,
    mutationFn: () =>
      unwrap<unknown>(http.DELETE("/api/v1/issues/{id}/quadrant", { params: { path: { id: issueId } } })),
  });
}

export type NewTask = {
  title: string;
  description: string;
  department: string;
  owner_email?: string;
  due_at?: string;
  measures: string[];
  contract?: ContractWish;
};

/** The contract that a task of this issue would get; nothing is written. */
export function useProposedContract(issueId: string, wish: ContractWish) {
  return useQuery({
    queryKey: ["issues", "contract", issueId, wish],
    // While the next proposal is computed the last one stays readable.
    placeholderData: keepPreviousData,
    staleTime: 60_000,
    queryFn: () =>
      unwrap<Contract>(
        http.GET("/api/v1/issues/{id}/contract", { params: { path: { id: issueId }, query: wish } }),
      ),
  });
}

export function useAssignTask(issueId: string) {
  const onSuccess = useRefresh("issues", "tasks", "overview", "mailbox");
  return useMutation({
    onSuccess,
    mutationFn: (body: NewTask) =>
      once("task", [issueId, body], (headers) =>
        unwrap<Pick<Task, "id">>(
          http.POST("/api/v1/issues/{id}/tasks", { params: { path: { id: issueId } }, body, headers }),
        ),
      ),
  });
}

export function attachmentUrl(task: string, file: string): string {
  return `/api/v1/tasks/${encodeURIComponent(task)}/attachments/${encodeURIComponent(file)}`;
}

export type TaskFilter = {
  state?: string;
  topic?: string;
  department?: string;
  due_from?: string;
  due_to?: string;
  limit?: number;
};

export function useTasks(filter: TaskFilter) {
  return usePages(["tasks", filter], (cursor) =>
    unwrap<List<Task>>(http.GET("/api/v1/tasks", { params: { query: { ...filter, cursor } } })),
  );
}

export function useTask(id: string) {
  return useQuery({
    queryKey: ["tasks", "one", id],
    refetchInterval: LIVE,
    queryFn: () => unwrap<Task>(http.GET("/api/v1/tasks/{id}", { params: { path: { id } } })),
  });
}

/** The whole evidence of a task: what the list of tasks leaves out is here. */
export function useTaskVerification(id: string, enabled = true) {
  return useQuery({
    queryKey: ["tasks", "verification", id],
    enabled,
    queryFn: () =>
      unwrap<Verification>(http.GET("/api/v1/tasks/{id}/verification", { params: { path: { id } } })),
  });
}

/** What a verified task was worth, month by month, the newest first. */
export function useStatements(id: string) {
  return useQuery({
    queryKey: ["tasks", "statements", id],
    queryFn: async () => {
      const list = await unwrap<Pick<List<Statement>, "items">>(
        http.GET("/api/v1/tasks/{id}/statements", { params: { path: { id } } }),
      );
      return [...list.items].sort((a, b) => b.month.localeCompare(a.month));
    },
  });
}

/** What all verified improvements were worth in a month. */
export function useSavingsReport(month: string) {
  return useQuery({
    queryKey: ["savings", month],
    queryFn: () =>
      unwrap<SavingsReport>(http.GET("/api/v1/reports/savings", { params: { query: { month } } })),
  });
}

/** The verbs of a task with what each of them needs. */
export type TaskAction =
  | { verb: "accept" }
  | { verb: "decline"; reason: string; department?: string }
  | { verb: "progress"; percent: number; comment?: string }
  | { verb: "complete"; solution: string; effective_at?: string; rest?: string }
  | { verb: "reassign"; department: string; owner_email?: string; reason: string }
  | { verb: "cancel"; reason: string; sub_tasks?: "cancel" }
  | { verb: "remind"; comment: string }
  | { verb: "ask"; comment: string }
  | { verb: "answer"; comment: string }
  | { verb: "evaluate" };

async function actOnTask(id: string, version: number, action: TaskAction): Promise<unknown> {
  const params = { path: { id } };
  const headers = ifMatch(version);
  switch (action.verb) {
    case "accept":
      return unwrap<unknown>(http.POST("/api/v1/tasks/{id}/accept", { params, headers, body: {} }));
    case "decline": {
      const { verb: _, ...body } = action;
      return unwrap<unknown>(http.POST("/api/v1/tasks/{id}/decline", { params, headers, body }));
    }
    case "progress": {
      const { verb: _, ...body } = action;
      return unwrap<unknown>(http.POST("/api/v1/tasks/{id}/progress", { params, headers, body }));
    }
    case "complete": {
      const { verb: _, ...body } = action;
      return unwrap<unknown>(http.POST("/api/v1/tasks/{id}/complete", { params, headers, body }));
    }
    case "reassign": {
      const { verb: _, ...body } = action;
      return unwrap<unknown>(http.POST("/api/v1/tasks/{id}/reassign", { params, headers, body }));
    }
    case "ask":
    case "answer": {
      const body = { comment: action.comment };
      return unwrap<unknown>(
        action.verb === "ask"
          ? http.POST("/api/v1/tasks/{id}/ask", { params, headers, body })
          : http.POST("/api/v1/tasks/{id}/answer", { params, headers, body }),
      );
    }
    case "cancel": {
      const { verb: _, ...body } = action;
      return unwrap<unknown>(http.POST("/api/v1/tasks/{id}/cancel", { params, headers, body }));
    }
    case "remind": {
      const body = { comment: action.comment };
      return unwrap<unknown>(http.POST("/api/v1/tasks/{id}/remind", { params, headers, body }));
    }
    case "evaluate":
      return unwrap<unknown>(http.POST("/api/v1/tasks/{id}/verification/evaluate", { params }));
  }
}

export function useTaskAction(id: string, version: number) {
  const onSuccess = useRefresh("tasks", "issues", "overview", "mailbox", "articles");
  return useMutation({ onSuccess, mutationFn: (action: TaskAction) => actOnTask(id, version, action) });
}

// ---- notify ---------------------------------------------------------------------------------

export function useMailbox() {
  return usePages(["mailbox"], (cursor) =>
    unwrap<List<MailboxItem>>(http.GET("/api/v1/mailbox", { params: { query: { cursor } } })),
  );
}

// ---- knowledge ------------------------------------------------------------------------------

export function useArticles() {
  return usePages(["articles"], (cursor) =>
    unwrap<List<Article>>(http.GET("/api/v1/knowledge/articles", { params: { query: { cursor } } })),
  );
}

export function useArticle(id: string) {
  return useQuery({
    queryKey: ["articles", "one", id],
    queryFn: () => unwrap<Article>(http.GET("/api/v1/knowledge/articles/{id}", { params: { path: { id } } })),
  });
}

export function useKnowledgeSearch(q: string) {
  return useQuery({
    queryKey: ["articles", "search", q],
    enabled: q !== "",
    queryFn: async () =>
      (
        await unwrap<Pick<List<SimilarSolution>, "items">>(
          http.GET("/api/v1/knowledge/search", { params: { query: { q } } }),
        )
      ).items,
  });
}

export function usePublishArticle() {
  const onSuccess = useRefresh("articles");
  return useMutation({
    onSuccess,
    mutationFn: (id: string) =>
      once("publish", id, (headers) =>
        unwrap<Article>(
          http.POST("/api/v1/knowledge/articles/{id}/publish", { params: { path: { id } }, headers }),
        ),
      ),
  });
}

// ---- departments, detectors -----------------------------------------------------------------

export function useDepartments() {
  return useQuery({
    queryKey: ["departments"],
    queryFn: async () => (await unwrap<List<Department>>(http.GET("/api/v1/departments"))).items,
  });
}

export type DepartmentDraft = Omit<Department, "version"> & { version?: number };

export function useSaveDepartment() {
  const onSuccess = useRefresh("departments");
  return useMutation({
    onSuccess,
    mutationFn: ({ version, ...body }: DepartmentDraft) =>
      unwrap<Department>(
        http.PUT("/api/v1/departments/{key}", {
          params: { path: { key: body.key } },
          body,
          headers: ifMatch(version),
        }),
      ),
  });
}

export function useRemoveDepartment() {
  const onSuccess = useRefresh("departments");
  return useMutation({
    onSuccess,
    mutationFn: (key: string) =>
      unwrap<void>(http.DELETE("/api/v1/departments/{key}", { params: { path: { key } } })),
  });
}

export function useDetectors() {
  return useQuery({
    queryKey: ["detectors"],
    queryFn: async () => (await unwrap<List<Detector>>(http.GET("/api/v1/detectors"))).items,
  });
}

export type DetectorDraft = Omit<Detector, "version"> & { version?: number };

export function useSaveDetector() {
  const onSuccess = useRefresh("detectors");
  return useMutation({
    onSuccess,
    mutationFn: ({ version, activity: _, ...body }: DetectorDraft) =>
      unwrap<Detector>(
        http.PUT("/api/v1/detectors/{key}", {
          params: { path: { key: body.key } },
          // Which parameters a rule has depends on its kind: the form knows them, the server checks them.
          body: body as never,
          headers: ifMatch(version),
        }),
      ),
  });
}

export function useRemoveDetector() {
  const onSuccess = useRefresh("detectors");
  return useMutation({
    onSuccess,
    mutationFn: (key: string) =>
      unwrap<void>(http.DELETE("/api/v1/detectors/{key}", { params: { path: { key } } })),
  });
}

/** What a rule, saved or not, would have raised between two days; nothing is raised and nothing is sent. */
export function useBacktest() {
  return useMutation({
    mutationFn: ({ detector, ...span }: Trial) => {
      const { version: _, activity: __, ...rule } = detector;
      return unwrap<Backtest>(
        http.POST("/api/v1/detectors/backtest", { body: { detector: rule as never, ...span } }),
      );
    },
  });
}

/** A rule, the days to try it on, and whose days the chart shows. */
export type Trial = { detector: DetectorDraft; from: string; to: string; subject?: string };

/** What a rule raised in the last 28 days, and what it would have raised while it was muted; newest first. */
export function useDetectorSignals(key: string) {
  return useQuery({
    queryKey: ["detectors", "signals", key],
    queryFn: async () =>
      (
        await unwrap<Pick<List<DetectorSignal>, "items">>(
          http.GET("/api/v1/detectors/{key}/signals", { params: { path: { key } } }),
        )
      ).items,
  });
}

// ---- calendar and sources -------------------------------------------------------------------

export function useCalendarNotes() {
  return useQuery({
    queryKey: ["calendar-notes"],
    queryFn: async () =>
      (await unwrap<Pick<List<CalendarNote>, "items">>(http.GET("/api/v1/calendar-notes"))).items,
  });
}

export type CalendarNoteDraft = Omit<CalendarNote, "version"> & { version?: number };

export function useSaveCalendarNote() {
  const onSuccess = useRefresh("calendar-notes");
  return useMutation({
    onSuccess,
    mutationFn: ({ version, ...body }: CalendarNoteDraft) =>
      unwrap<CalendarNote>(
        http.PUT("/api/v1/calendar-notes/{key}", {
          params: { path: { key: body.key } },
          body,
          headers: ifMatch(version),
        }),
      ),
  });
}

export function useRemoveCalendarNote() {
  const onSuccess = useRefresh("calendar-notes");
  return useMutation({
    onSuccess,
    mutationFn: (key: string) =>
      unwrap<void>(http.DELETE("/api/v1/calendar-notes/{key}", { params: { path: { key } } })),
  });
}

/** Silent days of the last year. */
export function useSourceGaps() {
  return useQuery({
    queryKey: ["source-gaps"],
    queryFn: async () =>
      (await unwrap<Pick<List<SourceGap>, "items">>(http.GET("/api/v1/source-gaps"))).items,
  });
}

/** The unusual topics of yesterday. */
export function useUnusualTopics() {
  return useQuery({
    queryKey: ["unusual-topics"],
    staleTime: 600_000,
    queryFn: () => unwrap<UnusualTopics>(http.GET("/api/v1/unusual-topics")),
  });
}
