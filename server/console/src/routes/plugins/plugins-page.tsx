import { UploadOutlined } from "@ant-design/icons";
import { App, Button, Upload } from "antd";
import { useTranslation } from "react-i18next";
import { usePlugins, useUploadPlugin } from "../../api/hooks";
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

const STATE_COLOUR: Record<Plugin["state"], string> = {
  active: verdictColour.improved,
  installed: colour.inkFaint,
  quarantined: verdictColour.worse,
};

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

function isBilingual(value: unknown): value is Bilingual {
  return isRecord(value) && typeof value.zh === "string" && typeof value.en === "string";
}

/** Powers one a line: what it is, and what the plugin says it is for; anything else as it stands. */
function lines(powers: unknown, say: (text: Bilingual) => string): string[] {
  if (!isRecord(powers)) return [];
  return Object.entries(powers).flatMap(([name, value]) => {
    const title = word("power", name);
    if (value === null || value === false || (isRecord(value) && Object.keys(value).length === 0)) return [];
    if (value === true) return [title];
    if (isRecord(value) && isBilingual(value.purpose)) {
      const { purpose, ...rest } = value;
      const detail = Object.keys(rest).length > 0 ? ` ${JSON.stringify(rest)}` : "";
      return [`${title}: ${say(purpose as Bilingual)}${detail}`];
    }
    return [`${title}: ${JSON.stringify(value)}`];
  });
}

function Powers(props: { title: string; powers: unknown; none: string }) {
  const say = useBilingual();
  const shown = lines(props.powers, say);
  return (
    <div>
      <dt>{props.title}</dt>
      <dd>
        {shown.length === 0 ? (
          <span className="soft">{props.none}</span>
        ) : (
          shown.map((line) => <div key={line}>{line}</div>)
        )}
      </dd>
    </div>
  );
}

function PluginCard(props: { plugin: Plugin }) {
  const { t } = useTranslation();
  const format = useFormat();
  const say = useBilingual();
  const { plugin } = props;
  const { title, description } = plugin.manifest;
  return (
    <Panel
      title={
        <>
          {isBilingual(title) ? say(title) : plugin.name}{" "}
          <span className="faint code">
            {plugin.name} {plugin.version}
          </span>
        </>
      }
      extra={<Badge colour={STATE_COLOUR[plugin.state]}>{t(`plugin_state.${plugin.state}`)}</Badge>}
    >
      {isBilingual(description) && (
        <p className="soft" style={{ marginBottom: 10 }}>
          {say(description)}
        </p>
      )}
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
