import { App, Button, Popconfirm } from "antd";
import { useTranslation } from "react-i18next";

/** Deletes after a second thought. A refusal of the server is shown by the caller. */
export function RemoveButton(props: {
  remove: () => Promise<unknown>;
  pending: boolean;
  onDone?: () => void;
}) {
  const { t } = useTranslation();
  const { message } = App.useApp();
  return (
    <Popconfirm
      title={t("app.remove_ask")}
      okText={t("app.remove")}
      cancelText={t("app.back")}
      onConfirm={async () => {
        try {
          await props.remove();
          message.success(t("app.removed"));
          props.onDone?.();
        } catch {
          // The caller shows why.
        }
      }}
    >
      <Button danger loading={props.pending}>
        {t("app.remove")}
      </Button>
    </Popconfirm>
  );
}
