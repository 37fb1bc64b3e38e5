import { useNavigate, useSearch } from "@tanstack/react-router";
import { Alert, Tabs } from "antd";
import { useTranslation } from "react-i18next";
import { useMailbox } from "../../api/hooks";
import type { MailboxItem } from "../../api/types";
import { NoAccessPage } from "../../components/fallback-pages";
import { EmptyState, More, Page, Panel, QueryView } from "../../components/page";
import { useFormat } from "../../lib/format";
import { useMay, useSession } from "../../lib/session";
import { AddressesPanel } from "./addresses-panel";
import { InboxPanel } from "./inbox-panel";
import { MailFrame } from "./mail-frame";
import { MailTrouble } from "./mail-trouble";
import { OutboxPanel } from "./outbox-panel";
import { PeoplePanel } from "./people-panel";
import { TemplatesPanel } from "./templates-panel";

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

/** What an address may name; anything else shows where the mails are. */
const TABS = ["kept", "outbox", "inbox", "addresses", "people", "templates"] as const;

export function MailboxPage() {
  const { t } = useTranslation();
  const { mail } = useSession();
  const allowed = useMay("read_outbox");
  const mails = useMailbox();
  const navigate = useNavigate();
  const { tab } = useSearch({ from: "/shell/mailbox" });
  if (!allowed) return <NoAccessPage />;
  // Where mails leave the machine none is kept here: what became of them is in the outbox.
  const first = mail.leaves_machine ? "outbox" : "kept";
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
        <MailTrouble />
        <Tabs
          activeKey={TABS.find((known) => known === tab) ?? first}
          onChange={(key) =>
            void navigate({ to: "/mailbox", search: key === first ? {} : { tab: key }, replace: true })
          }
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
            { key: "outbox", label: t("mailbox.outbox"), children: <OutboxPanel /> },
            { key: "inbox", label: t("inbox.title"), children: <InboxPanel /> },
            { key: "addresses", label: t("addresses.title"), children: <AddressesPanel /> },
            { key: "people", label: t("people.title"), children: <PeoplePanel /> },
            { key: "templates", label: t("templates.title"), children: <TemplatesPanel /> },
          ]}
        />
      </div>
    </Page>
  );
}
