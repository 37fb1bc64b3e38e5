import { UploadOutlined } from "@ant-design/icons";
import { App, Button, Upload } from "antd";
import { useTranslation } from "react-i18next";
import { useGrantPlugin, usePlugins, useUploadPlugin } from "../../api/hooks";
import type { Plugin } from "../../api/types";
import { Badge } from "../../components/badges";
import { NoAccessPage } from "../../components/fallback-pages";
import { EmptyState, Panel, QueryView } from "../../components/page";
import { ProblemAlert } from "../../components/problem-alert";
import { word } from "../../i18n";
import { useFormat } from "../../lib/format";
import { useMay } from "../../lib/session";
import { colour, verdictColour } from "../../styles/tokens";

const STATE_COLOUR: Record<Plugin["state"], string> = {
  active: verdictColour.improved,
  installed: colour.inkFaint,
  quarantined: verdictColour.worse,
};

/** Powers one a line: `http: ["api.example.com"]` reads better than the JSON it is. */
function lines(powers: unknown): string[] {
  if (typeof powers !== "object" || powers === null) return [];
  return Object.entries(powers)
    .filter(([, value]) => {
      if (value === null || value === undefined || value === false) return false;
      return typeof value !== "object" || Object.keys(value).length > 0;
    })
    .map(([name, value]) => `${name}: ${typeof value === "object" ? JSON.stringify(value) : String(value)}`);
}

function Powers(props: { title: string; powers: unknown; none: string }) {
  const shown = lines(props.powers);
  return (
    <div>
      <dt>{props.title}</dt>
      <dd>
        {shown.length === 0 ? (
          <span className="soft">{props.none}</span>
        ) : (
          shown.map((line) => (
            <div key={line} className="code">
              {line}
            </div>
          ))
        )}
      </dd>
    </div>
  );
}

function PluginCard(props: { plugin: Plugin }) {
  const { t } = useTranslation();
  const format = useFormat();
  const { message } = App.useApp();
  const grant = useGrantPlugin();
  const mayManage = useMay("manage_plugins");
  const { plugin } = props;
  return (
    <Panel
      title={
        <>
          {plugin.name} <span className="faint">{plugin.version}</span>
        </>
      }
      extra={<Badge colour={STATE_COLOUR[plugin.state]}>{t(`plugin_state.${plugin.state}`)}</Badge>}
    >
      <ProblemAlert error={grant.error} />
      <dl className="facts">
        <div>
          <dt>{t("plugins.role")}</dt>
          <dd>{word("plugin_role", plugin.role)}</dd>
        </div>
        <Powers title={t("plugins.asked")} powers={plugin.asked} none={t("plugins.asked_none")} />
        <Powers title={t("plugins.grant")} powers={plugin.grant} none={t("plugins.grant_none")} />
        <div>
          <dt>{t("plugins.size")}</dt>
          <dd>{format.decimal(plugin.size / 1024, 0)} KiB</dd>
        </div>
        <div>
          <dt>{t("plugins.digest")}</dt>
          <dd className="code" title={plugin.digest}>
            {plugin.digest.slice(0, 16)}…
          </dd>
        </div>
      </dl>
      {mayManage && plugin.state === "installed" && (
        <Button
          style={{ marginTop: 12 }}
          type="primary"
          loading={grant.isPending}
          onClick={async () => {
            try {
              await grant.mutateAsync({ id: plugin.id, grant: plugin.asked });
              message.success(t("plugins.approved"));
            } catch {
              // Shown above.
            }
          }}
        >
          {t("plugins.approve")}
        </Button>
      )}
    </Panel>
  );
}

function Plugins() {
  const { t } = useTranslation();
  const { message } = App.useApp();
  const plugins = usePlugins();
  const upload = useUploadPlugin();
  const mayManage = useMay("manage_plugins");
  return (
    <div className="stack">
      <div className="row row--between">
        <p className="soft">{t("plugins.intro")}</p>
        {mayManage && (
          <Upload
            accept=".wasm"
            showUploadList={false}
            beforeUpload={(file) => {
              upload.mutate(file, {
                onSuccess: (plugin) =>
                  message.success(t("plugins.accepted", { name: plugin.name, version: plugin.version })),
              });
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
        )}
      </div>
      <ProblemAlert error={upload.error} />
      <QueryView query={plugins}>
        {(items) =>
          items.length === 0 ? (
            <Panel>
              <EmptyState title={t("plugins.none")} />
            </Panel>
          ) : (
            <div className="stack">
              {items.map((plugin) => (
                <PluginCard key={plugin.id} plugin={plugin} />
              ))}
            </div>
          )
        }
      </QueryView>
    </div>
  );
}

export function PluginsPage() {
  return useMay("read_plugins") ? <Plugins /> : <NoAccessPage />;
}
