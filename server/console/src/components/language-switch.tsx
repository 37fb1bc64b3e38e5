import { Segmented } from "antd";
import { useTranslation } from "react-i18next";
import { type Language, languageOf, switchLanguage } from "../i18n";

export function LanguageSwitch() {
  const { t, i18n } = useTranslation();
  return (
    <Segmented<Language>
      size="small"
      aria-label={t("app.language")}
      value={languageOf(i18n.language)}
      options={[
        { value: "zh-CN", label: t("language.zh-CN") },
        { value: "en", label: t("language.en") },
      ]}
      onChange={(language) => switchLanguage(language, true)}
    />
  );
}
