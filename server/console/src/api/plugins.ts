/** Plugins and their installations: what the pages read, and every call about them. */

import { useMutation, useQuery } from "@tanstack/react-query";
import { http, ifMatch, multipart, once, unwrap } from "./client";
import { usePages, useRefresh } from "./hooks";
import { hasStatus } from "./problem";
import type { Bilingual, Grant, List, Plugin } from "./types";

/** What a plugin asks for, as its manifest says. */
export type Asked = {
  hosts?: Array<{ origin: string; methods?: string[]; purpose: Bilingual }>;
  secrets?: Array<{ name: string; title: Bilingual; hosts?: string[]; optional?: boolean }>;
  files?: { purpose: Bilingual };
  imap?: { purpose: Bilingual };
};

export type InstallationState = "new" | "ok" | "failing" | "paused" | "resting" | "stale" | "quarantined";

export type Lack = { kind: "grant" | "secret_grant" | "secret" | "host" | "mailbox"; name?: string };

export type SecretField = {
  name: string;
  title: Bilingual;
  optional: boolean;
  granted: boolean;
  set: boolean;
  version: number | null;
  set_at: string | null;
  has_previous: boolean;
};

export type Stream = {
  name: string;
  title: string;
  pages: number;
  accepted: number;
  updated: number;
  duplicates: number;
  rejected: number;
  next_at: string | null;
  last_ok_at: string | null;
  newest_at: string | null;
  error: string | null;
  started: boolean;
};

export type Mailbox = {
  server: string;
  port: number;
  tls: string;
  user: string;
  folders: string[];
  networks: string[];
};

export type Schedule = { every_seconds: number | null; cron: string | null };

export type Check = { ok: boolean; message: string; details: unknown; at: string };

export type Installation = {
  key: string;
  title: string;
  plugin: string;
  role: string;
  plugin_id: string;
  plugin_version: string;
  previous_plugin_id: string | null;
  enabled: boolean;
  channel: string | null;
  settings: Record<string, unknown>;
  config_version: number;
  schedule: Schedule;
  mailbox: Mailbox | null;
  state: InstallationState;
  lacks: Lack[];
  secrets: SecretField[];
  streams: Stream[];
  hook_url: string | null;
  inbox: { waiting: number; done: number; dead: number };
  rejected: number;
  failures: number;
  last_ok_at: string | null;
  /** Of a notifier: who posts through it. */
  used_by: { kind: "organisation" | "department"; key: string; name: string }[];
  /** What the plugin measures itself, since the server started. */
  figures: { name: string; count: number; values: number; sum: number }[];
  last_error: { code: string; message: string; operation: string; at: string } | null;
  checked: Check | null;
  created_at: string;
  version: number;
};

export type InstallationDraft = Pick<
  Installation,
  "plugin" | "title" | "channel" | "settings" | "schedule" | "mailbox" | "enabled"
>;

export type RejectedRecord = {
  id: string;
  stream: string;
  source: string;
  external_id: string | null;
  code: string;
  detail: string;
  raw: string;
  redrivable: boolean;
  times: number;
  created_at: string;
};

export type LogLine = { id: string; at: string; level: string; message: string };

export type Shadow = {
  plugin_id: string;
  against_id: string;
  state: string;
  voices: number;
  looked_at: number;
  changed: number;
  sentiment_changed: number;
  failed: number;
  error: string | null;
  started_at: string;
  topics: Array<{
    topic: string | null;
    before: number;
    after: number;
    gained: number;
    lost: number;
    moved_to: Array<{ topic: string | null; voices: number }>;
  }>;
};

const LIVE = 3_000;

export function usePlugins() {
  return useQuery({
    queryKey: ["plugins"],
    queryFn: async () => (await unwrap<List<Plugin>>(http.GET("/api/v1/plugins"))).items,
  });
}

export function useUploadPlugin() {
  const onSuccess = useRefresh("plugins");
  return useMutation({
    onSuccess,
    mutationFn: (sent: { component: File; unsigned: boolean; trust?: string }) => {
      const { component, trust } = sent;
      const unsigned = String(sent.unsigned);
      const named = [component.name, component.size, component.lastModified, unsigned, trust];
      return once("plugin", named, (headers) =>
        unwrap<Plugin>(
          http.POST("/api/v1/plugins", { ...multipart({ component, unsigned, trust }), headers }),
        ),
      );
    },
  });
}

export function useGrant() {
  const onSuccess = useRefresh("plugins", "installations");
  return useMutation({
    onSuccess,
    mutationFn: ({ plugin, grant }: { plugin: Plugin; grant: Grant }) =>
      unwrap<Plugin>(
        http.PUT("/api/v1/plugins/{id}/grant", {
          params: { path: { id: plugin.id } },
          body: grant,
          headers: ifMatch(plugin.revision),
        }),
      ),
  });
}

export function useActivate() {
  const onSuccess = useRefresh("plugins", "installations", "shadow");
  return useMutation({
    onSuccess,
    mutationFn: (id: string) =>
      unwrap<Plugin>(http.POST("/api/v1/plugins/{id}/activate", { params: { path: { id } } })),
  });
}

export function useRollBack() {
  const onSuccess = useRefresh("plugins", "installations", "shadow");
  return useMutation({
    onSuccess,
    mutationFn: (id: string) =>
      unwrap<Plugin>(http.POST("/api/v1/plugins/{id}/rollback", { params: { path: { id } } })),
  });
}

export function useRemovePlugin() {
  const onSuccess = useRefresh("plugins");
  return useMutation({
    onSuccess,
    mutationFn: (id: string) =>
      unwrap<void>(http.DELETE("/api/v1/plugins/{id}", { params: { path: { id } } })),
  });
}

/** What a classifier that reads along has seen; null: it never did. */
export function useShadow(id: string) {
  return useQuery({
    queryKey: ["shadow", id],
    refetchInterval: (query) => (query.state.data?.state === "running" ? LIVE : false),
    queryFn: async (): Promise<Shadow | null> => {
      try {
        return await unwrap<Shadow>(http.GET("/api/v1/plugins/{id}/shadow", { params: { path: { id } } }));
      } catch (error) {
        if (hasStatus(error, 404)) return null;
        throw error;
      }
    },
  });
}

export function useBeginShadow() {
  const onSuccess = useRefresh("shadow");
  return useMutation({
    onSuccess,
    mutationFn: ({ id, voices }: { id: string; voices: number }) =>
      unwrap<Shadow>(
        http.POST("/api/v1/plugins/{id}/shadow", { params: { path: { id } }, body: { voices } }),
      ),
  });
}

export function useInstallations() {
  return useQuery({
    queryKey: ["installations"],
    refetchInterval: LIVE,
    queryFn: async () => (await unwrap<List<Installation>>(http.GET("/api/v1/installations"))).items,
  });
}

export function useInstallation(key: string) {
  return useQuery({
    queryKey: ["installations", "one", key],
    refetchInterval: LIVE,
    queryFn: () =>
      unwrap<Installation>(http.GET("/api/v1/installations/{key}", { params: { path: { key } } })),
  });
}

export function useSaveInstallation() {
  const onSuccess = useRefresh("installations", "plugins");
  return useMutation({
    onSuccess,
    mutationFn: ({ key, draft, version }: { key: string; draft: InstallationDraft; version?: number }) =>
      unwrap<Installation>(
        http.PUT("/api/v1/installations/{key}", {
          params: { path: { key } },
          // What settings hold is the plugin's to say: its schema draws the form, the server checks them.
          body: draft as never,
          headers: ifMatch(version),
        }),
      ),
  });
}

export function useRemoveInstallation() {
  const onSuccess = useRefresh("installations");
  return useMutation({
    onSuccess,
    mutationFn: (key: string) =>
      unwrap<void>(http.DELETE("/api/v1/installations/{key}", { params: { path: { key } } })),
  });
}

export function useSetSecret(key: string) {
  const onSuccess = useRefresh("installations");
  return useMutation({
    onSuccess,
    mutationFn: ({ name, value }: { name: string; value: string }) =>
      unwrap<void>(
        http.PUT("/api/v1/installations/{key}/secrets/{name}", {
          params: { path: { key, name } },
          body: { value },
        }),
      ),
  });
}

export function useCheckInstallation(key: string) {
  const onSuccess = useRefresh("installations");
  return useMutation({
    onSuccess,
    mutationFn: () =>
      unwrap<Check>(http.POST("/api/v1/installations/{key}/check", { params: { path: { key } } })),
  });
}

export function usePullNow(key: string) {
  const onSuccess = useRefresh("installations");
  return useMutation({
    onSuccess,
    mutationFn: () =>
      unwrap<void>(http.POST("/api/v1/installations/{key}/pull", { params: { path: { key } } })),
  });
}

/** The first records of a stream as the plugin makes them: nothing of it is kept. */
export type Previewed = {
  items: Array<Record<string, unknown>>;
  rejected: Array<{ external_id?: string | null; code: string; detail: string; raw: string }>;
};

export function usePreviewStream(key: string) {
  return useMutation({
    mutationFn: (name: string) =>
      unwrap<Previewed>(
        http.POST("/api/v1/installations/{key}/streams/{name}/preview", { params: { path: { key, name } } }),
      ),
  });
}

export function useRestartStream(key: string) {
  const onSuccess = useRefresh("installations");
  return useMutation({
    onSuccess,
    mutationFn: (name: string) =>
      unwrap<void>(
        http.POST("/api/v1/installations/{key}/streams/{name}/restart", { params: { path: { key, name } } }),
      ),
  });
}

export function useRejected(key: string) {
  return usePages(["installations", "rejected", key], (cursor) =>
    unwrap<List<RejectedRecord>>(
      http.GET("/api/v1/installations/{key}/rejected", { params: { path: { key }, query: { cursor } } }),
    ),
  );
}

export function useRedrive(key: string) {
  const onSuccess = useRefresh("installations");
  return useMutation({
    onSuccess,
    mutationFn: (id: string) =>
      unwrap<{ state: string }>(
        http.POST("/api/v1/installations/{key}/rejected/{id}/redrive", { params: { path: { key, id } } }),
      ),
  });
}

export function usePluginLogs(key: string) {
  return usePages(["installations", "logs", key], (cursor) =>
    unwrap<List<LogLine>>(
      http.GET("/api/v1/installations/{key}/logs", { params: { path: { key }, query: { cursor } } }),
    ),
  );
}
