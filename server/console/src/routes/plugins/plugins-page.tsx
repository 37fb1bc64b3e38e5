import { DeleteOutlined, UploadOutlined } from "@ant-design/icons";
import { Link, useNavigate } from "@tanstack/react-router";
import { App, Button, Checkbox, Popconfirm, Select, Upload } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import {
  type Asked,
  useActivate,
  useInstallations,
  usePlugins,
  useRemovePlugin,
  useRollBack,
  useUploadPlugin,
} from "../../api/plugins";
import { problemOf } from "../../api/problem";
import type { Bilingual, Plugin } from "../../api/types";
import { Badge } from "../../components/badges";
import { NoAccessPage } from "../../components/fallback-pages";
import { EmptyState, Panel, QueryView } from "../../components/page";
import { ProblemAlert } from "../../components/problem-alert";
import { word } from "../../i18n";
import { useBilingual } from "../../lib/bilingual";
import { useFormat } from "../../lib/format";
import { useMay } from "../../lib/session";
import { colour, verdictColour } from "../../styles/tokens";
import { GrantModal } from "./grant-modal";
import { isRecord } from "./schema-form";
import { ShadowPanel } from "./shadow-panel";
import { InstallationBadge } from "./states";

const STATE_COLOUR: Record<Plugin["state"], string> = {
  active: verdictColour.improved,
  installed: colour.inkFaint,
  quarantined: verdictColour.worse,
};

function isBilingual(value: unknown): value is Bilingual {
  return isRecord(value) && typeof value.zh === "string" && typeof value.en === "string";
}

/** What a plugin asks for, one plain line a power. */
function Powers(props: { asked: Asked }) {
  const { t } = useTranslation();
  const say = useBilingual();
  const { hosts = [], secrets = [], files, imap } = props.asked;
  const lines = [
    ...hosts.map(
      (host) => `${host.origin === "*" ? t("plugins.any_named") : host.origin}: ${say(host.purpose)}`,
    ),
    ...secrets.map((secret) => `${t("power.secrets")}: ${say(secret.title)}`),
    ...(files ? [`${t("power.files")}: ${say(files.purpose)}`] : []),
    ...(imap ? [`${t("power.imap")}: ${say(imap.purpose)}`] : []),
  ];
  if (lines.length === 0) return <span className="soft">{t("plugins.asked_none")}</span>;
  return (
    <>
      {lines.map((line) => (
        <div key={line}>{line}</div>
      ))}
    </>
  );
}

function Version(props: {
  plugin: Plugin;
  newest: Plugin | undefined;
  hasBefore: boolean;
  onReview: () => void;
}) {
  const { t } = useTranslation();
  const format = useFormat();
  const { message } = App.useApp();
  const activate = useActivate();
  const back = useRollBack();
  const remove = useRemovePlugin();
  const mayManage = useMay("manage_plugins");
  const mayGrant = useMay("grant_plugins");
  const { plugin } = props;
  const asked = plugin.asked as Asked;
  const asksNothing = Object.keys(asked).length === 0;
  const isClassifier = plugin.role === "classifier";
  const replaces = props.newest !== undefined && props.newest.id !== plugin.id;
  return (
    <div className="stack stack--tight" data-version={`${plugin.name}@${plugin.version}`}>
      <div className="row row--between">
        <span className="row">
          <strong className="code">{plugin.version}</strong>
          <Badge colour={STATE_COLOUR[plugin.state]}>{t(`plugin_state.${plugin.state}`)}</Badge>
          {plugin.needs_grant && <Badge colour={verdictColour.recovered}>{t("plugins.needs_grant")}</Badge>}
        </span>
        {mayManage && (
          <span className="row">
            {!asksNothing && mayGrant && <Button onClick={props.onReview}>{t("plugins.review_do")}</Button>}
            {plugin.state === "installed" && !plugin.needs_grant && mayGrant && (
              <Popconfirm
                title={replaces ? t("plugins.switch_ask") : t("plugins.activate_ask")}
                okText={t("plugins.switch_ok")}
                cancelText={t("app.back")}
                onConfirm={async () => {
                  try {
                    await activate.mutateAsync(plugin.id);
                    message.success(t("plugins.switched", { version: plugin.version }));
                  } catch {
                    // Shown below.
                  }
                }}
              >
                <Button type="primary" loading={activate.isPending}>
                  {replaces ? t("plugins.switch_to") : t("plugins.activate")}
                </Button>
              </Popconfirm>
            )}
            {plugin.state === "active" && props.hasBefore && (
              <Popconfirm
                title={t("plugins.back_ask")}
                okText={t("plugins.back_ok")}
                cancelText={t("app.back")}
                onConfirm={async () => {
                  try {
                    const now = await back.mutateAsync(plugin.id);
                    message.success(t("plugins.switched", { version: now.version }));
                  } catch {
                    // Shown below.
                  }
                }}
              >
                <Button loading={back.isPending}>{t("plugins.roll_back")}</Button>
              </Popconfirm>
            )}
            {plugin.state !== "active" && (
              <Popconfirm
                title={t("plugins.remove_ask")}
                okText={t("plugins.remove_ok")}
                cancelText={t("app.back")}
                onConfirm={async () => {
                  try {
                    await remove.mutateAsync(plugin.id);
                    message.success(t("plugins.removed"));
                  } catch {
                    // Shown below.
                  }
                }}
              >
                <Button
                  icon={<DeleteOutlined />}
                  aria-label={t("plugins.remove")}
                  title={t("plugins.remove")}
                  loading={remove.isPending}
                />
              </Popconfirm>
            )}
          </span>
        )}
      </div>
      <ProblemAlert error={activate.error ?? back.error ?? remove.error} />
      <dl className="facts">
        <div>
          <dt>{t("plugins.asked")}</dt>
          <dd>
            <Powers asked={asked} />
          </dd>
        </div>
        <div>
          <dt>{t("plugins.size")}</dt>
          <dd>{format.decimal(plugin.size / 1024, 0)} KiB</dd>
        </div>
        <div>
          <dt>{t("plugins.signer")}</dt>
          <dd className="code">{plugin.signer ?? t("plugins.signer_none")}</dd>
          <dt>{t("plugins.digest")}</dt>
          <dd className="code" title={plugin.digest}>
            {plugin.digest.slice(0, 16)}…
          </dd>
        </div>
      </dl>
      {isClassifier && plugin.state === "installed" && <ShadowPanel plugin={plugin} mayManage={mayManage} />}
    </div>
  );
}

function PluginPanel(props: {
  versions: Plugin[];
  onReview: (plugin: Plugin) => void;
  active: Plugin | undefined;
  /** Whether a version was active before the present one. */
  hasBefore: boolean;
}) {
  const say = useBilingual();
  const newest = props.versions[0];
  if (!newest) return null;
  const { title, description } = newest.manifest;
  return (
    <Panel
      title={
        <>
          {isBilingual(title) ? say(title) : newest.name} <span className="faint code">{newest.name}</span>
        </>
      }
      extra={<span className="faint">{word("plugin_role", newest.role)}</span>}
    >
      <div className="stack">
        {isBilingual(description) && <p className="soft">{say(description)}</p>}
        {props.versions.map((plugin) => (
          <Version
            key={plugin.id}
            plugin={plugin}
            newest={props.active}
            hasBefore={props.hasBefore}
            onReview={() => props.onReview(plugin)}
          />
        ))}
      </div>
    </Panel>
  );
}

function Installations(props: { plugins: Plugin[] }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const say = useBilingual();
  const installations = useInstallations();
  const mayManage = useMay("manage_plugins");
  const names = new Map<string, string>();
  for (const plugin of props.plugins) {
    if (plugin.role === "classifier" || plugin.needs_grant) continue;
    const { title } = plugin.manifest;
    names.set(plugin.name, isBilingual(title) ? say(title) : plugin.name);
  }
  return (
    <Panel
      flush
      title={t("installations.title")}
      extra={
        mayManage && (
          <Select
            aria-label={t("installations.add")}
            placeholder={t("installations.add")}
            style={{ minWidth: 220 }}
            value={null}
            onChange={(plugin: string | null) => {
              if (plugin) void navigate({ to: "/settings/plugins/edit", search: { plugin } });
            }}
            options={[...names].map(([value, label]) => ({ value, label }))}
          />
        )
      }
    >
      <QueryView query={installations}>
        {(items) =>
          items.length === 0 ? (
            <EmptyState title={t("installations.none")} next={t("installations.none_next")} />
          ) : (
            <ul className="records">
              {items.map((installation) => (
                <li key={installation.key}>
                  <Link to="/settings/plugins/edit" search={{ key: installation.key }} className="record">
                    <span>
                      <span className="record__title">{installation.title || installation.key}</span>
                      <span className="record__meta">
                        <span className="code">{installation.key}</span>
                        <span>
                          {installation.plugin} {installation.plugin_version}
                        </span>
                        {installation.rejected > 0 && (
                          <span>{t("installations.rejected_n", { n: installation.rejected })}</span>
                        )}
                      </span>
                    </span>
                    <span className="record__side">
                      <InstallationBadge installation={installation} />
                    </span>
                  </Link>
                </li>
              ))}
            </ul>
          )
        }
      </QueryView>
    </Panel>
  );
}

/** Versions of one name together, the newest first. */
function byName(plugins: Plugin[]): Plugin[][] {
  const groups = new Map<string, Plugin[]>();
  for (const plugin of plugins) groups.set(plugin.name, [plugin, ...(groups.get(plugin.name) ?? [])]);
  return [...groups.values()];
}

/** Whether one of them works where the other one did: versions of a plugin, and all classifiers. */
function takesTurns(other: Plugin, plugin: Plugin | undefined): boolean {
  return plugin?.role === "classifier" ? other.role === "classifier" : other.name === plugin?.name;
}

function Plugins() {
  const { t } = useTranslation();
  const { message, modal } = App.useApp();
  const plugins = usePlugins();
  const upload = useUploadPlugin();
  const mayManage = useMay("manage_plugins");
  const mayGrant = useMay("grant_plugins");
  const [reviewed, setReviewed] = useState<Plugin | null>(null);
  const [unsigned, setUnsigned] = useState(false);
  const send = (component: File, trust?: string) =>
    upload.mutate(
      { component, unsigned, trust },
      {
        onSuccess: (plugin) => {
          message.success(t("plugins.accepted", { name: plugin.name, version: plugin.version }));
          if (plugin.needs_grant && mayGrant) setReviewed(plugin);
        },
        onError: (error) => {
          // Signed by somebody whom nobody here knows yet: the key is shown, and a person decides.
          const unknown = problemOf(error).errors.find((e) => e.code === "unknown_signer");
          if (!unknown) return;
          modal.confirm({
            title: t("plugins.trust_title"),
            content: (
              <>
                <p>{t("plugins.trust_text")}</p>
                <p className="code">{unknown.detail}</p>
              </>
            ),
            okText: t("plugins.trust"),
            onOk: () => send(component, unknown.detail),
          });
        },
      },
    );
  const activeFor = (all: Plugin[], plugin: Plugin | undefined) =>
    all.find((other) => other.state === "active" && takesTurns(other, plugin));
  return (
    <div className="stack">
      <div className="row row--between">
        <p className="soft">{t("plugins.intro")}</p>
        {mayManage && (
          <div className="row">
            <Checkbox checked={unsigned} onChange={(event) => setUnsigned(event.target.checked)}>
              {t("plugins.unsigned")}
            </Checkbox>
            <Upload
              accept=".bihuan,.wasm"
              showUploadList={false}
              beforeUpload={(file) => {
                send(file);
                return false;
              }}
            >
              <Button
                icon={<UploadOutlined />}
                type="primary"
                loading={upload.isPending}
                title={t("plugins.upload_hint")}
              >
                {t("plugins.upload")}
              </Button>
            </Upload>
          </div>
        )}
      </div>
      <ProblemAlert error={upload.error} />
      <QueryView query={plugins}>
        {(items) => (
          <div className="stack">
            <Installations plugins={items} />
            {items.length === 0 ? (
              <Panel>
                <EmptyState title={t("plugins.none")} />
              </Panel>
            ) : (
              byName(items).map((versions) => (
                <PluginPanel
                  key={versions[0]?.name}
                  versions={versions}
                  active={activeFor(items, versions[0])}
                  hasBefore={items.some(
                    (other) =>
                      other.state === "installed" &&
                      other.active_since !== null &&
                      takesTurns(other, versions[0]),
                  )}
                  onReview={setReviewed}
                />
              ))
            )}
          </div>
        )}
      </QueryView>
      {reviewed && (
        <GrantModal
          key={reviewed.id}
          plugin={reviewed}
          inUse={plugins.data?.find(
            (other) => other.name === reviewed.name && other.state === "active" && other.id !== reviewed.id,
          )}
          onClose={() => setReviewed(null)}
        />
      )}
    </div>
  );
}

export function PluginsPage() {
  return useMay("read_plugins") ? <Plugins /> : <NoAccessPage />;
}
