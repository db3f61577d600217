import { computed, type ComputedRef } from "vue";
import { useI18n } from "vue-i18n";
import { LANGUAGE_KEY, type Language } from "./i18n.ts";

/** The language shown, and how to change it for this browser. */
export function useLanguage(): { language: ComputedRef<Language>; choose: (next: Language) => Promise<void> } {
  const { locale, availableLocales, setLocaleMessage } = useI18n({ useScope: "global" });
  const language = computed(() => locale.value as Language);

  async function choose(next: Language): Promise<void> {
    if (next === "fr" && !availableLocales.includes("fr")) {
      const { fr } = await import("../locales/fr/index.ts");
      setLocaleMessage("fr", fr);
    }
    locale.value = next;
    document.documentElement.lang = next;
    localStorage.setItem(LANGUAGE_KEY, next);
  }
  return { language, choose };
}
