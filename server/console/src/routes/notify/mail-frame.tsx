import { useTranslation } from "react-i18next";
import type { MailboxItem } from "../../api/types";

/** A mail's HTML as a page of its own: links leave the frame, which has no scripts, no forms and no origin. */
export function frameDocument(html: string): string {
  return `<!doctype html><meta charset="utf-8"><base target="_blank"><style>body{margin:16px;font-family:sans-serif}</style>${html}`;
}

export function MailFrame(props: { mail: Pick<MailboxItem, "html" | "subject"> }) {
  const { t } = useTranslation();
  return (
    <iframe
      className="mail-frame"
      title={t("mailbox.frame", { subject: props.mail.subject })}
      sandbox="allow-popups allow-popups-to-escape-sandbox"
      referrerPolicy="no-referrer"
      srcDoc={frameDocument(props.mail.html)}
    />
  );
}
