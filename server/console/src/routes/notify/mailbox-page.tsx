import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { Alert, Tabs } from "antd";
import { useTranslation } from "react-i18next";
import { useMailbox, useOutbox } from "../../api/hooks";
import type { MailboxItem, OutboxItem } from "../../api/types";
import { Badge } from "../../components/badges";
import { NoAccessPage } from "../../components/fallback-pages";
import { EmptyState, More, Page, Panel, QueryView } from "../../components/page";
import { word } from "../../i18n";
import { useFormat } from "../../lib/format";
import { useMay, useSession } from "../../lib/session";
import { colour, verdictColour } from "../../styles/tokens";
import { MailFrame } from "./mail-frame";

function MailView(props: { mail: MailboxItem }) {
  const { t } = useTranslation();
  const format = useFormat();
  const { mail } = props;
  return (
    <Panel>
      <h2 style={{ fontSize: 17, lineHeight: 1.4 }}>{mail.subject}</h2>
      <p className="faint">
        {t("mailbox.to")}: {mail.to} · {format.dateTime(mail.created_at)}
      </p>
      <Tabs
        items={[
          { key: "html", label: t("mailbox.html"), children: <MailFrame mail={mail} /> },
          { key: "text", label: t("mailbox.text"), children: <div className="mail-text">{mail.text}</div> },
          {
            key: "headers",
            label: t("mailbox.headers"),
            children: (
              <dl className="mail-headers">
                {Object.entries({ "Message-ID": mail.message_id, ...mail.headers }).map(([name, value]) => (
                  <div key={name}>
                    <strong>{name}:</strong> {value}
                  </div>
                ))}
              </dl>
            ),
          },
        ]}
      />
    </Panel>
  );
}

function Mails(props: { mails: readonly MailboxItem[] }) {
  const { t } = useTranslation();
  const format = useFormat();
  const navigate = useNavigate();
  const { mail: selected } = useSearch({ from: "/shell/mailbox" });
  const { mails } = props;
  if (mails.length === 0) {
    return (
      <Panel>
        <EmptyState title={t("mailbox.none")} next={t("mailbox.none_next")} />
      </Panel>
    );
  }
  const current = mails.find((mail) => mail.id === selected);
  return (
    <div className="columns columns--narrow-left">
      <Panel flush className="mail-list">
        <ul className="records">
          {mails.map((mail) => (
            <li key={mail.id}>
              <button
                type="button"
                className={mail.id === selected ? "record record--selected" : "record"}
                aria-pressed={mail.id === selected}
                onClick={() => {
                  void navigate({
                    to: "/mailbox",
                    search: { mail: mail.id },
                    replace: true,
                    resetScroll: false,
                  });
                  // On narrow screens the mail stands below the list.
                  window.setTimeout(
                    () => document.getElementById("mail")?.scrollIntoView({ block: "nearest" }),
                    60,
                  );
                }}
              >
                <span>
                  <span className="record__title">{mail.subject}</span>
                  <span className="record__meta">
                    <span>{mail.to}</span>
                    <time dateTime={mail.created_at}>{format.dateTime(mail.created_at)}</time>
                  </span>
                </span>
              </button>
            </li>
          ))}
        </ul>
      </Panel>
      <div id="mail">
        {current ? (
          <MailView key={current.id} mail={current} />
        ) : (
          <Panel>
            <p className="soft">{t("mailbox.pick")}</p>
          </Panel>
        )}
      </div>
    </div>
  );
}

const OUTBOX_COLOUR: Record<OutboxItem["state"], string> = {
  queued: colour.inkFaint,
  sending: colour.teal700,
  sent: verdictColour.improved,
  retry: colour.accent,
  dead: verdictColour.worse,
  withdrawn: colour.inkFaint,
  held: colour.accent,
  merged: colour.inkFaint,
};

function Outbox() {
  const { t } = useTranslation();
  const format = useFormat();
  const outbox = useOutbox();
  return (
    <Panel>
      <QueryView query={outbox}>
        {(items) =>
          items.length === 0 ? (
            <p className="soft">{t("mailbox.outbox_none")}</p>
          ) : (
            <div className="scroll-x">
              <table className="table">
                <thead>
                  <tr>
                    <th>{t("mailbox.target")}</th>
                    <th>{t("mailbox.state")}</th>
                    <th className="right">{t("mailbox.attempts")}</th>
                    <th>{t("import.past_at")}</th>
                  </tr>
                </thead>
                <tbody>
                  {items.map((item) => (
                    <tr key={item.id}>
                      <td>
                        {item.task_id ? (
                          <Link to="/tasks/$id" params={{ id: item.task_id }}>
                            {item.subject || item.kind}
                          </Link>
                        ) : item.issue_id ? (
                          <Link to="/issues/$id" params={{ id: item.issue_id }}>
                            {item.subject || item.kind}
                          </Link>
                        ) : (
                          item.subject || item.kind
                        )}
                        <br />
                        <span className="faint">{item.target}</span>
                        {item.last_error && <p className="danger">{item.last_error}</p>}
                      </td>
                      <td>
                        <Badge colour={OUTBOX_COLOUR[item.state] ?? colour.inkFaint}>
                          {t(`outbox_state.${item.state}`)}
                        </Badge>
                        <br />
                        {item.hold && (
                          <span className="faint">
                            {word("hold", item.hold)}
                            {item.held_until &&
                              ` · ${t("hold.until", { at: format.dateTime(item.held_until) })}`}
                            <br />
                          </span>
                        )}
                        <span className="faint">
                          {t(item.left_machine ? "mailbox.left" : "mailbox.stayed")}
                        </span>
                      </td>
                      <td className="right">{item.attempts}</td>
                      <td>{format.dateTime(item.sent_at ?? item.created_at)}</td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          )
        }
      </QueryView>
      <More query={outbox} />
    </Panel>
  );
}

export function MailboxPage() {
  const { t } = useTranslation();
  const { mail } = useSession();
  const allowed = useMay("read_outbox");
  const mails = useMailbox();
  if (!allowed) return <NoAccessPage />;
  return (
    <Page title={t("mailbox.title")} intro={t("mailbox.intro")}>
      <div className="stack">
        {mail.leaves_machine ? (
          <Alert
            type="info"
            showIcon
            title={t("mailbox.banner_smtp")}
            description={t("mailbox.banner_smtp_text")}
          />
        ) : (
          <Alert type="warning" showIcon title={t("mailbox.banner")} description={t("mailbox.banner_text")} />
        )}
        <Tabs
          items={[
            {
              key: "kept",
              label: t("mailbox.kept"),
              children: (
                <>
                  <QueryView query={mails}>{(items) => <Mails mails={items} />}</QueryView>
                  <More query={mails} />
                </>
              ),
            },
            { key: "outbox", label: t("mailbox.outbox"), children: <Outbox /> },
          ]}
        />
      </div>
    </Page>
  );
}
