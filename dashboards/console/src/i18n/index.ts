/** Words of the console. Texts that come from the hub carry both languages themselves: `useText`. */
import i18next from "i18next";
import { initReactI18next, useTranslation } from "react-i18next";
import type { Language, Text } from "../api/shapes";
import type en from "./en.json";

declare module "i18next" {
  interface CustomTypeOptions {
    defaultNS: "translation";
    resources: { translation: typeof en };
  }
}

const SETTING = "campushub.language";
const files = { en: () => import("./en.json"), "zh-CN": () => import("./zh-CN.json") };

function firstLanguage(): Language {
  const kept = localStorage.getItem(SETTING);
  if (kept === "en" || kept === "zh-CN") return kept;
  return navigator.language.toLowerCase().startsWith("zh") ? "zh-CN" : "en";
}

export async function startI18n(): Promise<void> {
  await i18next.use(initReactI18next).init({ interpolation: { escapeValue: false }, returnNull: false, resources: {} });
  await setLanguage(firstLanguage());
}

export async function setLanguage(language: Language): Promise<void> {
  const words = await files[language]();
  i18next.addResourceBundle(language, "translation", words.default);
  await i18next.changeLanguage(language);
  localStorage.setItem(SETTING, language);
  document.documentElement.lang = language;
}

export function language(): Language {
  return i18next.language === "zh-CN" ? "zh-CN" : "en";
}

export function textOf(text: Text): string {
  return language() === "zh-CN" ? text.zh : text.en;
}

/** Translate keys (`t`) and pick the language of the hub's texts (`text`); renders again when the language changes. */
export function useWords() {
  const { t } = useTranslation();
  return { t, text: textOf };
}
