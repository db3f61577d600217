import { defineStore } from "pinia";
import { ref, watch } from "vue";

export type Theme = "system" | "light" | "dark";
const STORAGE_KEY = "windflow.theme";

/** The chosen theme; "system" follows prefers-color-scheme. `version` rises when colours change, for canvases to redraw. */
export const useTheme = defineStore("theme", () => {
  const stored = localStorage.getItem(STORAGE_KEY);
  const theme = ref<Theme>(stored === "light" || stored === "dark" ? stored : "system");
  const version = ref(0);

  function apply(): void {
    if (theme.value === "system") {
      delete document.documentElement.dataset["theme"];
      localStorage.removeItem(STORAGE_KEY);
    } else {
      document.documentElement.dataset["theme"] = theme.value;
      localStorage.setItem(STORAGE_KEY, theme.value);
    }
    version.value += 1;
  }
  watch(theme, apply, { flush: "sync" });
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => (version.value += 1));
  return { theme, version };
});
