import { Alert, Collapse } from "antd";
import { useTranslation } from "react-i18next";
import type { Task } from "../../api/types";
import { CopyButton } from "../../components/copy-button";
import { Panel } from "../../components/page";
import { word } from "../../i18n";
import { useSession } from "../../lib/session";

/** What became of the task's mail. When nothing left the machine, it says so and offers what to pass on. */
export function MailPanel(props: { mail: Task["mail"] }) {
  const { t } = useTranslation();
  const { mail } = props;
  const leaves = useSession().mail.leaves_machine;
  if (!mail) {
    return (
      <Panel title={t("mail_state.title")}>
        <p className="soft">{t("mail_state.none")}</p>
      </Panel>
    );
  }
  const kept = !mail.left_machine && (mail.state === "sent" || !leaves);
  const state = kept && mail.state === "sent" ? "kept" : mail.state;
  return (
    <Panel title={t("mail_state.title")} extra={<span className="faint">{word("mail_state", state)}</span>}>
      <div className="stack stack--tight">
        {mail.left_machine ? (
          <Alert type="success" title={t("mail_state.left")} />
        ) : !kept ? (
          <Alert type="info" title={t("mail_state.waiting")} />
        ) : (
          <Alert
            type="warning"
            showIcon
            title={t("mail_state.not_left")}
            description={mail.text ? t("mail_state.not_left_text") : undefined}
          />
        )}
        {mail.text && !mail.left_machine && (
          <div className="row">
            <CopyButton text={mail.text} label={t("mail_state.copy_text")} />
            {mail.link && <CopyButton text={mail.link} label={t("mail_state.copy_link")} />}
          </div>
        )}
        {mail.link && !mail.left_machine && (
          <p className="faint">
            <a href={mail.link} target="_blank" rel="noreferrer" className="code">
              {mail.link}
            </a>
            <br />
            {t("mail_state.shown_once")}
          </p>
        )}
        {mail.text && (
          <Collapse
            ghost
            size="small"
            items={[
              {
                key: "text",
                label: t("mail_state.text"),
                children: <div className="mail-text">{mail.text}</div>,
              },
            ]}
          />
        )}
      </div>
    </Panel>
  );
}
