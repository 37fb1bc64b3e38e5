import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { App, Button, Input, InputNumber, Popconfirm, Switch } from "antd";
import { type ReactNode, useCallback, useId, useState } from "react";
import { useTranslation } from "react-i18next";
import {
  type Asked,
  type Installation,
  type InstallationDraft,
  type SecretField,
  useCheckInstallation,
  useInstallation,
  usePluginLogs,
  usePlugins,
  usePullNow,
  useRedrive,
  useRejected,
  useRemoveInstallation,
  useRestartStream,
  useSaveInstallation,
  useSetSecret,
} from "../../api/plugins";
import type { Plugin } from "../../api/types";
import { CopyButton } from "../../components/copy-button";
import { NoAccessPage } from "../../components/fallback-pages";
import { EmptyState, More, Panel, QueryView } from "../../components/page";
import { ProblemAlert } from "../../components/problem-alert";
import { RemoveButton } from "../../components/remove-button";
import { word } from "../../i18n";
import { useBilingual } from "../../lib/bilingual";
import { useFormat } from "../../lib/format";
import { useMay } from "../../lib/session";
import { PreviewStream } from "./preview-drawer";
import { BrokenBoxes, type Schema, SchemaForm, startOf } from "./schema-form";
import { InstallationBadge } from "./states";

function Field(props: { label: string; hint?: string; children: (id: string) => ReactNode }) {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{props.label}</label>
      {props.children(id)}
      {props.hint && <p className="faint">{props.hint}</p>}
    </div>
  );
}

const words = (text: string) =>
  text
    .split(/[\s,]+/)
    .map((word) => word.trim())
    .filter(Boolean);

/** Settings of an installation, drawn from the plugin's schema. */
function SettingsPanel(props: { plugin: Plugin; installation?: Installation }) {
  const { t } = useTranslation();
  const { message } = App.useApp();
  const navigate = useNavigate();
  const save = useSaveInstallation();
  const remove = useRemoveInstallation();
  const { plugin, installation } = props;
  const schema = (plugin.manifest["config-schema"] ?? { type: "object", properties: {} }) as Schema;
  const isConnector = plugin.role === "connector";
  // One that is called pulls only when it has named streams.
  const pulls = isConnector && (plugin.manifest.webhook === undefined || !!installation?.streams.length);
  const readsMailbox = (plugin.asked as Asked).imap !== undefined;
  const [key, setKey] = useState(installation?.key ?? plugin.name);
  const [draft, setDraft] = useState<InstallationDraft>(() =>
    installation
      ? {
          plugin: installation.plugin,
          title: installation.title,
          channel: installation.channel,
          settings: installation.settings,
          schedule: installation.schedule,
          mailbox: installation.mailbox,
          enabled: installation.enabled,
        }
      : {
          plugin: plugin.name,
          title: "",
          channel: null,
          settings: (startOf(schema, schema) as Record<string, unknown> | undefined) ?? {},
          schedule: { every_seconds: null, cron: null },
          mailbox: readsMailbox
            ? { server: "", port: 993, tls: "implicit", user: "", folders: ["INBOX"], networks: [] }
            : null,
          enabled: true,
        },
  );
  const change = (part: Partial<InstallationDraft>) => setDraft({ ...draft, ...part });
  const mailbox = draft.mailbox;
  const [broken, setBroken] = useState<string[]>([]);
  const tellBroken = useCallback(
    (id: string, is: boolean) =>
      setBroken((all) => {
        if (all.includes(id) === is) return all;
        return is ? [...all, id] : all.filter((other) => other !== id);
      }),
    [],
  );

  async function submit() {
    if (broken[0]) {
      message.error(t("installations.not_json"));
      document.getElementById(broken[0])?.focus();
      return;
    }
    try {
      await save.mutateAsync({
        key,
        draft,
        ...(installation ? { version: installation.version } : {}),
      });
      message.success(t("app.saved"));
      if (!installation) void navigate({ to: "/settings/plugins/edit", search: { key } });
    } catch {
      // Shown at the button.
    }
  }

  return (
    <Panel
      title={
        installation
          ? installation.title || installation.key
          : t("installations.new", { plugin: plugin.name })
      }
    >
      <div className="stack">
        {!installation && (
          <Field label={t("installations.key")} hint={t("installations.key_hint")}>
            {(id) => <Input id={id} value={key} onChange={(event) => setKey(event.target.value)} />}
          </Field>
        )}
        <Field label={t("installations.name")}>
          {(id) => (
            <Input id={id} value={draft.title} onChange={(event) => change({ title: event.target.value })} />
          )}
        </Field>
        {isConnector && (
          <Field label={t("installations.channel")} hint={t("installations.channel_hint")}>
            {(id) => (
              <Input
                id={id}
                value={draft.channel ?? ""}
                onChange={(event) => change({ channel: event.target.value || null })}
              />
            )}
          </Field>
        )}
        {pulls && (
          <>
            <Field label={t("installations.every")} hint={t("installations.every_hint")}>
              {(id) => (
                <InputNumber
                  id={id}
                  min={5}
                  max={604800}
                  precision={0}
                  value={draft.schedule.every_seconds}
                  disabled={draft.schedule.cron !== null}
                  onChange={(value) => change({ schedule: { every_seconds: value, cron: null } })}
                />
              )}
            </Field>
            <Field label={t("installations.cron")} hint={t("installations.cron_hint")}>
              {(id) => (
                <Input
                  id={id}
                  className="code"
                  value={draft.schedule.cron ?? ""}
                  onChange={(event) =>
                    change({ schedule: { every_seconds: null, cron: event.target.value || null } })
                  }
                />
              )}
            </Field>
          </>
        )}
        {mailbox && (
          <fieldset className="field-group">
            <legend>{t("power.imap")}</legend>
            <Field label={t("installations.server")}>
              {(id) => (
                <Input
                  id={id}
                  value={mailbox.server}
                  onChange={(event) => change({ mailbox: { ...mailbox, server: event.target.value } })}
                />
              )}
            </Field>
            <Field label={t("installations.port")}>
              {(id) => (
                <InputNumber
                  id={id}
                  min={1}
                  max={65535}
                  value={mailbox.port}
                  onChange={(value) => change({ mailbox: { ...mailbox, port: value ?? 993 } })}
                />
              )}
            </Field>
            <Field label={t("installations.user")}>
              {(id) => (
                <Input
                  id={id}
                  value={mailbox.user}
                  onChange={(event) => change({ mailbox: { ...mailbox, user: event.target.value } })}
                />
              )}
            </Field>
            <Field label={t("installations.tls")} hint="implicit / starttls / none">
              {(id) => (
                <Input
                  id={id}
                  value={mailbox.tls}
                  onChange={(event) => change({ mailbox: { ...mailbox, tls: event.target.value } })}
                />
              )}
            </Field>
            <Field label={t("installations.folders")}>
              {(id) => (
                <Input
                  id={id}
                  defaultValue={mailbox.folders.join(", ")}
                  onChange={(event) =>
                    change({ mailbox: { ...mailbox, folders: words(event.target.value) } })
                  }
                />
              )}
            </Field>
            <Field label={t("installations.networks")}>
              {(id) => (
                <Input
                  id={id}
                  defaultValue={mailbox.networks.join(", ")}
                  onChange={(event) =>
                    change({ mailbox: { ...mailbox, networks: words(event.target.value) } })
                  }
                />
              )}
            </Field>
          </fieldset>
        )}
        <BrokenBoxes value={tellBroken}>
          <SchemaForm
            schema={schema}
            root={schema}
            value={draft.settings}
            onChange={(settings) => change({ settings: settings as Record<string, unknown> })}
          />
        </BrokenBoxes>
        <Field label={t("installations.enabled")}>
          {(id) => <Switch id={id} checked={draft.enabled} onChange={(enabled) => change({ enabled })} />}
        </Field>
        <ProblemAlert error={save.error ?? remove.error} />
        <div className="row row--between">
          <span className="row">
            <Button type="primary" loading={save.isPending} onClick={() => void submit()}>
              {t("app.save")}
            </Button>
            <Button onClick={() => void navigate({ to: "/settings/plugins" })}>{t("app.back")}</Button>
          </span>
          {installation && (
            <RemoveButton
              remove={() => remove.mutateAsync(installation.key)}
              pending={remove.isPending}
              onDone={() => void navigate({ to: "/settings/plugins" })}
            />
          )}
        </div>
      </div>
    </Panel>
  );
}

/** One secret: it can be filled in and never read. */
function Secret(props: { installation: string; secret: SecretField }) {
  const { t } = useTranslation();
  const { message } = App.useApp();
  const say = useBilingual();
  const format = useFormat();
  const set = useSetSecret(props.installation);
  const [value, setValue] = useState("");
  const { secret } = props;
  const state = !secret.granted
    ? t("installations.secret_not_granted")
    : secret.set
      ? t("installations.secret_set", {
          version: secret.version ?? 1,
          at: secret.set_at ? format.dateTime(secret.set_at) : "",
        })
      : secret.optional
        ? t("installations.secret_optional")
        : t("installations.secret_missing");
  return (
    <Field label={say(secret.title)} hint={state}>
      {(id) => (
        <>
          <div className="row">
            <Input.Password
              id={id}
              autoComplete="new-password"
              value={value}
              placeholder={secret.set ? "••••••••" : ""}
              onChange={(event) => setValue(event.target.value)}
            />
            <Button
              disabled={value === ""}
              loading={set.isPending}
              onClick={async () => {
                try {
                  await set.mutateAsync({ name: secret.name, value });
                  setValue("");
                  message.success(t("installations.secret_saved"));
                } catch {
                  // Shown below.
                }
              }}
            >
              {t("installations.secret_save")}
            </Button>
          </div>
          <ProblemAlert error={set.error} />
        </>
      )}
    </Field>
  );
}

function HealthPanel(props: { installation: Installation; mayManage: boolean }) {
  const { t } = useTranslation();
  const { message } = App.useApp();
  const format = useFormat();
  const { installation, mayManage } = props;
  const check = useCheckInstallation(installation.key);
  const pull = usePullNow(installation.key);
  const restart = useRestartStream(installation.key);
  const isWell = installation.state === "ok" || installation.state === "new";
  return (
    <Panel title={t("installations.health")} extra={<InstallationBadge installation={installation} />}>
      <div className="stack">
        <ProblemAlert error={check.error ?? pull.error ?? restart.error} />
        {installation.lacks.map((lack) => (
          <p key={`${lack.kind} ${lack.name ?? ""}`} role="alert">
            {word("lack", lack.kind)} <span className="code">{lack.name}</span>
          </p>
        ))}
        {installation.last_error && installation.state !== "ok" && (
          <p>
            {installation.last_error.message}{" "}
            <span className="faint code">{installation.last_error.code}</span>{" "}
            <span className="faint">{format.dateTime(installation.last_error.at)}</span>
          </p>
        )}
        {installation.role === "notifier" &&
          (installation.used_by.length === 0 ? (
            <p role="alert">
              {t("installations.unused")} <Link to="/settings/departments">{t("settings.departments")}</Link>{" "}
              <Link to="/settings/organisation">{t("settings.organisation")}</Link>
            </p>
          ) : (
            <p className="soft">
              {t("installations.used_by", {
                names: installation.used_by
                  .map((user) =>
                    user.kind === "organisation" ? t("installations.everybody_else") : user.name,
                  )
                  .join(t("installations.comma")),
              })}
            </p>
          ))}
        <dl className="facts">
          {installation.figures.map((figure) => (
            <div key={figure.name}>
              <dt className="code">{figure.name}</dt>
              <dd>
                {figure.values > 0
                  ? t("installations.figure_values", {
                      n: format.count(figure.values),
                      mean: format.decimal(figure.sum / figure.values, 2),
                    })
                  : format.count(figure.count)}
              </dd>
            </div>
          ))}
          <div>
            <dt>{t("installations.last_ok")}</dt>
            <dd>{installation.last_ok_at ? format.dateTime(installation.last_ok_at) : "–"}</dd>
          </div>
          {installation.hook_url && (
            <div>
              <dt>{t("installations.hook_url")}</dt>
              <dd className="code">
                {installation.hook_url} <CopyButton text={installation.hook_url} label={t("app.copy")} />
              </dd>
            </div>
          )}
          {installation.hook_url && (
            <div>
              <dt>{t("installations.inbox")}</dt>
              <dd>
                {t("installations.inbox_n", {
                  waiting: installation.inbox.waiting,
                  done: installation.inbox.done,
                  dead: installation.inbox.dead,
                })}
              </dd>
            </div>
          )}
        </dl>
        {mayManage && (
          <div className="row">
            <Button loading={check.isPending} onClick={() => check.mutate()}>
              {t("installations.check")}
            </Button>
            {installation.role === "connector" && (installation.streams.length > 0 || !isWell) && (
              <Button
                loading={pull.isPending}
                onClick={() =>
                  pull.mutate(undefined, { onSuccess: () => message.success(t("installations.pulling")) })
                }
              >
                {installation.streams.length > 0 ? t("installations.pull") : t("installations.again")}
              </Button>
            )}
          </div>
        )}
        {installation.checked && (
          <p role="status" data-check={installation.checked.ok ? "ok" : "failed"}>
            {installation.checked.ok ? t("installations.check_ok") : t("installations.check_failed")}{" "}
            {installation.checked.message}{" "}
            <span className="faint">{format.dateTime(installation.checked.at)}</span>
          </p>
        )}
        {installation.streams.map((stream) => (
          <div key={stream.name} className="stack stack--tight" data-stream={stream.name}>
            <div className="row row--between">
              <strong>{stream.title || stream.name}</strong>
              {mayManage && (
                <div className="row">
                  <PreviewStream installation={installation.key} stream={stream} />
                  {stream.started && (
                    <Popconfirm
                      title={t("installations.restart_ask")}
                      okText={t("installations.restart")}
                      cancelText={t("app.back")}
                      onConfirm={() => restart.mutate(stream.name)}
                    >
                      <Button size="small">{t("installations.restart")}</Button>
                    </Popconfirm>
                  )}
                </div>
              )}
            </div>
            <p className="soft">
              {t("installations.stream_n", {
                accepted: format.count(stream.accepted),
                updated: format.count(stream.updated),
                duplicates: format.count(stream.duplicates),
                rejected: format.count(stream.rejected),
              })}
              {stream.next_at && ` · ${t("installations.next_at", { at: format.dateTime(stream.next_at) })}`}
            </p>
            {stream.error && <p role="alert">{stream.error}</p>}
          </div>
        ))}
      </div>
    </Panel>
  );
}

function RejectedPanel(props: { installation: string }) {
  const { t } = useTranslation();
  const { message } = App.useApp();
  const rejected = useRejected(props.installation);
  const redrive = useRedrive(props.installation);
  return (
    <Panel title={t("installations.rejected")}>
      <div className="stack">
        <ProblemAlert error={redrive.error} />
        <QueryView query={rejected}>
          {(items) =>
            items.length === 0 ? (
              <p className="soft">{t("installations.rejected_none")}</p>
            ) : (
              <ul className="stack stack--tight">
                {items.map((record) => (
                  <li key={record.id} className="stack stack--tight">
                    <div className="row row--between">
                      <span>
                        {record.detail} <span className="faint code">{record.code}</span>
                        {record.times > 1 && <span className="faint"> ×{record.times}</span>}
                      </span>
                      {record.redrivable && (
                        <Button
                          size="small"
                          onClick={() =>
                            redrive.mutate(record.id, {
                              onSuccess: (done) => message.success(word("redriven", done.state)),
                            })
                          }
                        >
                          {t("installations.redrive")}
                        </Button>
                      )}
                    </div>
                    <pre className="mail-text code">{record.raw}</pre>
                  </li>
                ))}
              </ul>
            )
          }
        </QueryView>
        <More query={rejected} />
      </div>
    </Panel>
  );
}

function LogsPanel(props: { installation: string }) {
  const { t } = useTranslation();
  const format = useFormat();
  const logs = usePluginLogs(props.installation);
  return (
    <Panel title={t("installations.logs")}>
      <QueryView query={logs}>
        {(items) =>
          items.length === 0 ? (
            <p className="soft">{t("installations.logs_none")}</p>
          ) : (
            <ul className="stack stack--tight">
              {items.map((line) => (
                <li
                  key={line.id}
                  className="code"
                  style={{ maxHeight: "8em", overflow: "auto", overflowWrap: "anywhere" }}
                >
                  <span className="faint">{format.dateTimeSeconds(line.at)}</span> {line.level} {line.message}
                </li>
              ))}
            </ul>
          )
        }
      </QueryView>
      <More query={logs} />
    </Panel>
  );
}

function Existing(props: { installationKey: string; plugins: Plugin[] }) {
  const { t } = useTranslation();
  const installation = useInstallation(props.installationKey);
  const mayManage = useMay("manage_plugins");
  return (
    <QueryView query={installation}>
      {(found) => {
        const plugin = props.plugins.find((candidate) => candidate.id === found.plugin_id);
        return (
          <div className="columns columns--editor">
            <div className="stack">
              {plugin && mayManage && (
                <SettingsPanel key={`${found.key} ${found.version}`} plugin={plugin} installation={found} />
              )}
              {mayManage && found.secrets.length > 0 && (
                <Panel title={t("installations.secrets")}>
                  <div className="stack">
                    <p className="faint">{t("installations.secrets_intro")}</p>
                    {found.secrets.map((secret) => (
                      <Secret key={secret.name} installation={found.key} secret={secret} />
                    ))}
                  </div>
                </Panel>
              )}
            </div>
            <div className="stack">
              <HealthPanel installation={found} mayManage={mayManage} />
              {mayManage && <RejectedPanel installation={found.key} />}
              <LogsPanel installation={found.key} />
            </div>
          </div>
        );
      }}
    </QueryView>
  );
}

function Editor() {
  const { t } = useTranslation();
  const { key, plugin } = useSearch({ strict: false }) as { key?: string; plugin?: string };
  const plugins = usePlugins();
  return (
    <QueryView query={plugins}>
      {(items) => {
        if (key) return <Existing installationKey={key} plugins={items} />;
        const versions = items.filter((candidate) => candidate.name === plugin && !candidate.needs_grant);
        const chosen = versions.find((candidate) => candidate.state === "active") ?? versions.at(-1);
        return chosen ? (
          <SettingsPanel key={chosen.id} plugin={chosen} />
        ) : (
          <Panel>
            <EmptyState title={t("plugins.none")} />
          </Panel>
        );
      }}
    </QueryView>
  );
}

export function InstallationPage() {
  return useMay("read_plugins") ? <Editor /> : <NoAccessPage />;
}
