import { Alert, App, Button } from "antd";
import { useTranslation } from "react-i18next";
import { useOutboxTrouble, useSendAllAgain } from "../../api/mail";
import { word } from "../../i18n";
import { useMay } from "../../lib/session";

/** Mails that do not go out: how many, why, and one button for all of them. */
export function MailTrouble() {
  const { t } = useTranslation();
  const { message } = App.useApp();
  const mayAct = useMay("run_loop");
  const { data } = useOutboxTrouble();
  const again = useSendAllAgain();
  if (!data || (data.dead === 0 && data.waiting === 0)) return null;
  return (
    <Alert
      type="error"
      showIcon
      title={data.why ? word("mail_trouble", data.why) : t("mail_trouble.dead", { n: data.dead })}
      description={
        <>
          {data.waiting > 0 && <p>{t("mail_trouble.waiting", { n: data.waiting })}</p>}
          {data.waiting > 0 && data.dead > 0 && <p>{t("mail_trouble.dead", { n: data.dead })}</p>}
          {data.error && <p className="faint">{data.error}</p>}
        </>
      }
      action={
        mayAct && (
          <Button
            size="small"
            loading={again.isPending}
            onClick={() =>
              again.mutate(undefined, {
                onSuccess: ({ queued }) => message.success(t("mail_trouble.queued", { n: queued })),
                onError: () => message.error(t("mail_trouble.failed")),
              })
            }
          >
            {t("mail_trouble.again")}
          </Button>
        )
      }
    />
  );
}
