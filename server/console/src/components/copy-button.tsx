import { CopyOutlined } from "@ant-design/icons";
import { App, Button } from "antd";
import { useTranslation } from "react-i18next";

/** Copies over plain http too, where browsers hide `navigator.clipboard`. */
async function copy(text: string): Promise<boolean> {
  if (navigator.clipboard) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      // Denied: try the old way below.
    }
  }
  const area = document.createElement("textarea");
  area.value = text;
  area.style.position = "fixed";
  area.style.opacity = "0";
  document.body.append(area);
  area.select();
  const copied = document.execCommand("copy");
  area.remove();
  return copied;
}

export function CopyButton(props: { text: string; label: string; primary?: boolean }) {
  const { t } = useTranslation();
  const { message } = App.useApp();
  return (
    <Button
      icon={<CopyOutlined />}
      type={props.primary ? "primary" : "default"}
      onClick={async () => {
        if (await copy(props.text)) message.success(t("app.copied"));
        else message.warning(t("app.copy_failed"));
      }}
    >
      {props.label}
    </Button>
  );
}
