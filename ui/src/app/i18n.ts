import { createI18n, type I18n } from "vue-i18n";
import { en, type Messages } from "../locales/en/index.ts";

export const LANGUAGES = { en: "English", fr: "Français" } as const;
export type Language = keyof typeof LANGUAGES;
export const LANGUAGE_KEY = "windflow.language";

export type Translator = I18n<Record<string, Messages>, {}, {}, string, false>;

export function createTranslator(): Translator {
  return createI18n({
    legacy: false,
    locale: "en",
    fallbackLocale: "en",
    messages: { en },
    // French counts 0 as singular, which the default rule of vue-i18n does not.
    pluralRules: { fr: (count, forms) => (forms === 3 ? (count === 0 ? 0 : count < 2 ? 1 : 2) : count < 2 ? 0 : 1) },
  }) as unknown as Translator;
}

/** The chosen language, else the first of the browser's that there is, else English. */
export function preferredLanguage(chosen: string | null, wanted: readonly string[]): Language {
  for (const tag of chosen === null ? wanted : [chosen, ...wanted]) {
    const base = tag.toLowerCase().split("-")[0] ?? "";
    if (base in LANGUAGES) return base as Language;
  }
  return "en";
}

export async function loadLanguage(i18n: Translator, language: Language): Promise<void> {
  if (language === "fr" && !i18n.global.availableLocales.includes("fr")) {
    const { fr } = await import("../locales/fr/index.ts");
    i18n.global.setLocaleMessage("fr", fr);
  }
  i18n.global.locale.value = language;
  document.documentElement.lang = language;
}
