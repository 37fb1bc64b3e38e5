import { useCallback } from "react";
import { useTranslation } from "react-i18next";
import type { Bilingual } from "../api/types";
import { languageOf } from "../i18n";

/** Picks the reader's language of a sentence that the server wrote in both. */
export function useBilingual(): (sentence: Bilingual) => string {
  const { i18n } = useTranslation();
  const english = languageOf(i18n.language) === "en";
  return useCallback(
    (sentence) => (english ? sentence.en || sentence.zh : sentence.zh || sentence.en),
    [english],
  );
}
