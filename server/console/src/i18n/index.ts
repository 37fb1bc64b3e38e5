import i18next from "i18next";
import { initReactI18next } from "react-i18next";
import { en } from "./en";
import { type Translation, zh } from "./zh-CN";

declare module "i18next" {
  interface CustomTypeOptions {
    defaultNS: "translation";
    resources: { translation: Translation };
  }
}

export type Language = "zh-CN" | "en";
const STORAGE_KEY = "bihuan.language";

/** The reader's own choice on this device, if any. */
export function chosenLanguage(): Language | null {
  try {
    const stored = localStorage.getItem(STORAGE_KEY);
    return stored === "zh-CN" || stored === "en" ? stored : null;
  } catch {
    return null;
  }
}

export function languageOf(tag: string | null | undefined): Language {
  return tag?.toLowerCase().startsWith("en") ? "en" : "zh-CN";
}

export function switchLanguage(language: Language, remember: boolean): void {
  if (remember) {
    try {
      localStorage.setItem(STORAGE_KEY, language);
    } catch {
      // Private windows may refuse storage; the choice then lasts as long as the page.
    }
  }
  void i18next.changeLanguage(language);
}

void i18next.use(initReactI18next).init({
  resources: { "zh-CN": { translation: zh }, en: { translation: en } },
  lng: chosenLanguage() ?? "zh-CN",
  fallbackLng: "zh-CN",
  // React escapes what it renders.
  interpolation: { escapeValue: false },
});

function markDocument(language: string): void {
  document.documentElement.lang = language;
}
i18next.on("languageChanged", markDocument);
markDocument(i18next.language);

export { i18next };

type Group = keyof Translation;

/**
 * The word for a value of a server-side enumeration. Servers may be newer than this page, so an unknown value is
 * shown as it came rather than as a missing key.
 */
export function word(group: Group, value: string): string {
  const table: Record<string, string> = (languageOf(i18next.language) === "en" ? en : zh)[group];
  return table[value] ?? value;
}
