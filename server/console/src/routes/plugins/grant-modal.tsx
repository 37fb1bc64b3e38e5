import { App, Checkbox, Input, Modal, Tag } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { type Asked, type Grant, useGrant } from "../../api/plugins";
import type { Plugin } from "../../api/types";
import { ProblemAlert } from "../../components/problem-alert";
import { useBilingual } from "../../lib/bilingual";

const USUAL = ["GET", "POST"];

/** Whether somebody has granted this plugin something before: this version, or the one that it follows. */
function wasGranted(plugin: Plugin): boolean {
  const held = plugin.grant as Partial<Grant>;
  return !!(plugin.granted_at || held.hosts?.length || held.secrets?.length || held.files || held.imap);
}

/** What the form begins with: what was granted before and no more, or everything that needs no further word. */
export function begin(plugin: Plugin): Grant {
  const asked = plugin.asked as Asked;
  const held = plugin.grant as Partial<Grant>;
  if (wasGranted(plugin)) {
    return {
      hosts: held.hosts ?? [],
      secrets: held.secrets ?? [],
      files: held.files ?? false,
      imap: held.imap ?? false,
      limits: held.limits ?? {},
    };
  }
  return {
    hosts: (asked.hosts ?? [])
      .filter((host) => host.origin.startsWith("https://"))
      .map((host) => ({ origin: host.origin, methods: [], networks: [] })),
    secrets: (asked.secrets ?? []).map((secret) => secret.name),
    files: asked.files !== undefined,
    imap: asked.imap !== undefined,
    limits: {},
  };
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
export function GrantModal(props: { plugin: Plugin; onClose: () => void }) {
  const { t } = useTranslation();
  const { message } = App.useApp();
  const say = useBilingual();
  const save = useGrant();
  const { plugin } = props;
  const asked = plugin.asked as Asked;
  const named = (asked.hosts ?? []).filter((host) => host.origin !== "*");
  const open = (asked.hosts ?? []).find((host) => host.origin === "*");
  const [grant, setGrant] = useState(() => begin(plugin));
  const isNamed = (origin: string) => named.some((host) => host.origin === origin);
  const [origins, setOrigins] = useState(() =>
    writeOrigins(grant.hosts.filter((host) => !isNamed(host.origin))),
  );
  const all = (list: string[] | undefined) => (list?.length ? list : USUAL);
  const methods = (list: string[] | undefined) => all(list).join(", ");
  // Of a version that asks for more than was granted: what nobody has decided yet.
  const [before] = useState(grant);
  const fresh = (isNew: boolean) =>
    isNew && wasGranted(plugin) && !plugin.granted_at ? <Tag>{t("plugins.new_power")}</Tag> : null;
  const limits = Object.entries(grant.limits).filter(([, most]) => most !== null);

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
        {named.map((host) => (
          <div key={host.origin}>
            <Checkbox
              checked={grant.hosts.some((held) => held.origin === host.origin)}
              onChange={(event) =>
                setGrant({
                  ...grant,
                  hosts: event.target.checked
                    ? [...grant.hosts, { origin: host.origin, methods: [], networks: [] }]
                    : grant.hosts.filter((held) => held.origin !== host.origin),
                })
              }
            >
              {t("plugins.may_reach", { origin: host.origin, methods: methods(host.methods) })}{" "}
              {fresh(!before.hosts.some((held) => held.origin === host.origin))}
              <div className="faint">{say(host.purpose)}</div>
            </Checkbox>
            {all(host.methods).length > 1 && grant.hosts.some((held) => held.origin === host.origin) && (
              <Checkbox.Group
                options={all(host.methods)}
                value={
                  grant.hosts.find((held) => held.origin === host.origin && held.methods.length)?.methods ??
                  all(host.methods)
                }
                onChange={(chosen) =>
                  chosen.length &&
                  setGrant({
                    ...grant,
                    hosts: grant.hosts.map((held) =>
                      held.origin === host.origin
                        ? { ...held, methods: chosen.length < all(host.methods).length ? chosen : [] }
                        : held,
                    ),
                  })
                }
              />
            )}
          </div>
        ))}
        {open && (
          <div className="field">
            <label htmlFor="grant-origins">
              {t("plugins.may_reach_named", { methods: methods(open.methods) })}
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
            {t("plugins.may_use_secret", { title: say(secret.title) })}{" "}
            {fresh(!before.secrets.includes(secret.name))}
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
            {t("plugins.may_write_files")} {fresh(!before.files)}
            <div className="faint">{say(asked.files.purpose)}</div>
          </Checkbox>
        )}
        {asked.imap && (
          <Checkbox
            checked={grant.imap}
            onChange={(event) => setGrant({ ...grant, imap: event.target.checked })}
          >
            {t("plugins.may_read_mailbox")} {fresh(!before.imap)}
            <div className="faint">{say(asked.imap.purpose)}</div>
          </Checkbox>
        )}
        {limits.length > 0 && (
          <p className="faint">
            {t("plugins.limits_held", {
              limits: limits.map(([name, most]) => `${name} ≤ ${most}`).join(", "),
            })}
          </p>
        )}
        <p className="faint">{t("plugins.nothing_else")}</p>
      </div>
    </Modal>
  );
}
