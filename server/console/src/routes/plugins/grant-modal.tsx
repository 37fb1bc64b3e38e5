import { Alert, App, Checkbox, Input, InputNumber, Modal } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { type Asked, useGrant } from "../../api/plugins";
import type { Grant, Plugin } from "../../api/types";
import { Badge } from "../../components/badges";
import { ProblemAlert } from "../../components/problem-alert";
import { useBilingual } from "../../lib/bilingual";
import { verdictColour } from "../../styles/tokens";

const USUAL = ["GET", "POST"];

const LIMITS = ["memory_mb", "cpu_ms", "wall_ms", "http_calls", "http_parallel"] as const;

const methodsOf = (host: { methods?: string[] }) => (host.methods?.length ? host.methods : USUAL);

/**
 * What the form begins with: what is granted now; of a newer version, what the one in use was granted, so that
 * nobody grants something new by not looking; of a plugin that is new here, everything that needs no further word.
 */
export function begin(plugin: Plugin, inUse: Plugin | undefined): Grant {
  if (plugin.granted_at || inUse) return plugin.grant;
  const asked = plugin.asked as Asked;
  return {
    hosts: (asked.hosts ?? [])
      .filter((host) => host.origin.startsWith("https://"))
      .map((host) => ({ origin: host.origin, methods: methodsOf(host), networks: [] })),
    secrets: (asked.secrets ?? []).map((secret) => secret.name),
    files: asked.files !== undefined,
    imap: asked.imap !== undefined,
    limits: {},
  };
}

/** What a version asks for that the one in use did not: origins with their methods, secrets, files, mailbox. */
export function newPowers(plugin: Plugin, inUse: Plugin | undefined): Set<string> {
  const list = (asked: Asked) => [
    ...(asked.hosts ?? []).flatMap((host) => methodsOf(host).map((method) => `${method} ${host.origin}`)),
    ...(asked.secrets ?? []).map((secret) => `secret ${secret.name}`),
    ...(asked.files ? ["files"] : []),
    ...(asked.imap ? ["imap"] : []),
  ];
  if (!inUse) return new Set();
  const known = new Set(list(inUse.asked as Asked));
  return new Set(list(plugin.asked as Asked).filter((power) => !known.has(power)));
}

/** `origin`, or `GET,POST origin network network`, one a line. */
export function readOrigins(text: string): Grant["hosts"] {
  return text
    .split("\n")
    .map((line) => line.trim().split(/[\s,]+/))
    .filter(([first]) => first)
    .map((words) => {
      const place = words.findIndex((word) => !/^[A-Z]+$/.test(word));
      const at = place < 0 ? words.length : place;
      return { origin: words[at] ?? "", methods: words.slice(0, at), networks: words.slice(at + 1) };
    });
}

export function writeOrigins(hosts: Grant["hosts"]): string {
  return hosts
    .map((host) =>
      [...(host.methods.length ? [host.methods.join(",")] : []), host.origin, ...host.networks].join(" "),
    )
    .join("\n");
}

/** What a plugin asks for in plain sentences, and what of it is allowed. */
export function GrantModal(props: { plugin: Plugin; inUse: Plugin | undefined; onClose: () => void }) {
  const { t } = useTranslation();
  const { message } = App.useApp();
  const say = useBilingual();
  const save = useGrant();
  const { plugin, inUse } = props;
  const asked = plugin.asked as Asked;
  const fresh = newPowers(plugin, inUse);
  const named = (asked.hosts ?? []).filter((host) => host.origin !== "*");
  const open = (asked.hosts ?? []).find((host) => host.origin === "*");
  const [grant, setGrant] = useState(() => begin(plugin, inUse));
  const isNamed = (origin: string) => named.some((host) => host.origin === origin);
  const [origins, setOrigins] = useState(() =>
    writeOrigins(grant.hosts.filter((host) => !isNamed(host.origin))),
  );
  const asksFor = (plugin.manifest as { limits?: Record<string, number> }).limits ?? {};
  const isNew = (power: string) =>
    fresh.has(power) && <Badge colour={verdictColour.recovered}>{t("plugins.asked_anew")}</Badge>;

  function reach(origin: string, methods: string[]) {
    const networks = grant.hosts.find((held) => held.origin === origin)?.networks ?? [];
    const others = grant.hosts.filter((held) => held.origin !== origin);
    setGrant({ ...grant, hosts: methods.length ? [...others, { origin, methods, networks }] : others });
  }

  async function submit() {
    const hosts = [
      ...grant.hosts.filter((host) => isNamed(host.origin)),
      ...(open ? readOrigins(origins) : []),
    ];
    try {
      await save.mutateAsync({ plugin, grant: { ...grant, hosts } });
      message.success(t("plugins.granted"));
      props.onClose();
    } catch {
      // Shown above the list.
    }
  }

  return (
    <Modal
      open
      width={640}
      title={t("plugins.review", { name: plugin.name, version: plugin.version })}
      okText={t("plugins.grant_do")}
      cancelText={t("app.cancel")}
      confirmLoading={save.isPending}
      onOk={() => void submit()}
      onCancel={props.onClose}
    >
      <div className="stack">
        <ProblemAlert error={save.error} />
        <p className="soft">{t("plugins.review_intro")}</p>
        {inUse && inUse.signer !== plugin.signer && (
          <Alert
            type="warning"
            showIcon
            title={plugin.signer ? t("plugins.other_signer") : t("plugins.no_signer_now")}
          />
        )}
        {named.map((host) => {
          const held = grant.hosts.find((one) => one.origin === host.origin)?.methods ?? [];
          const asks = methodsOf(host);
          return (
            <div key={host.origin}>
              <Checkbox
                checked={held.length > 0}
                indeterminate={held.length > 0 && held.length < asks.length}
                onChange={(event) => reach(host.origin, event.target.checked ? asks : [])}
              >
                {t("plugins.may_reach", { origin: host.origin })}
                <div className="faint">{say(host.purpose)}</div>
              </Checkbox>
              <div className="row" style={{ marginInlineStart: 24 }}>
                {asks.map((method) => (
                  <Checkbox
                    key={method}
                    aria-label={`${method} ${host.origin}`}
                    checked={held.includes(method)}
                    onChange={(event) =>
                      reach(
                        host.origin,
                        asks.filter((one) => (one === method ? event.target.checked : held.includes(one))),
                      )
                    }
                  >
                    {method} {isNew(`${method} ${host.origin}`)}
                  </Checkbox>
                ))}
              </div>
            </div>
          );
        })}
        {open && (
          <div className="field">
            <label htmlFor="grant-origins">
              {t("plugins.may_reach_named", { methods: methodsOf(open).join(", ") })}
            </label>
            <p className="faint">{say(open.purpose)}</p>
            <Input.TextArea
              id="grant-origins"
              className="code"
              autoSize={{ minRows: 2, maxRows: 8 }}
              placeholder="https://api.example.com"
              value={origins}
              onChange={(event) => setOrigins(event.target.value)}
            />
            <p className="faint">{t("plugins.origins_hint")}</p>
          </div>
        )}
        {(asked.secrets ?? []).map((secret) => (
          <Checkbox
            key={secret.name}
            checked={grant.secrets.includes(secret.name)}
            onChange={(event) =>
              setGrant({
                ...grant,
                secrets: event.target.checked
                  ? [...grant.secrets, secret.name]
                  : grant.secrets.filter((name) => name !== secret.name),
              })
            }
          >
            {t("plugins.may_use_secret", { title: say(secret.title) })} {isNew(`secret ${secret.name}`)}
            <div className="faint">
              {secret.hosts?.length
                ? t("plugins.secret_goes_to", { hosts: secret.hosts.join(", ") })
                : t("plugins.secret_unread")}
            </div>
          </Checkbox>
        ))}
        {asked.files && (
          <Checkbox
            checked={grant.files}
            onChange={(event) => setGrant({ ...grant, files: event.target.checked })}
          >
            {t("plugins.may_write_files")} {isNew("files")}
            <div className="faint">{say(asked.files.purpose)}</div>
          </Checkbox>
        )}
        {asked.imap && (
          <Checkbox
            checked={grant.imap}
            onChange={(event) => setGrant({ ...grant, imap: event.target.checked })}
          >
            {t("plugins.may_read_mailbox")} {isNew("imap")}
            <div className="faint">{say(asked.imap.purpose)}</div>
          </Checkbox>
        )}
        <div>
          <p className="soft">{t("plugins.limits")}</p>
          <div className="row">
            {LIMITS.map((name) => (
              <div className="field" key={name}>
                <label htmlFor={`grant-${name}`}>{t(`plugin_limit.${name}`)}</label>
                <InputNumber
                  id={`grant-${name}`}
                  min={1}
                  max={asksFor[name.replace("_", "-")]}
                  precision={0}
                  placeholder={asksFor[name.replace("_", "-")]?.toString()}
                  value={grant.limits?.[name] ?? null}
                  onChange={(value) => setGrant({ ...grant, limits: { ...grant.limits, [name]: value } })}
                />
              </div>
            ))}
          </div>
        </div>
        <p className="faint">{t("plugins.nothing_else")}</p>
      </div>
    </Modal>
  );
}
