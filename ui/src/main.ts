import { PiniaColada } from "@pinia/colada";
import { createPinia } from "pinia";
import { createApp } from "vue";
import { API_KEY, createApi } from "./app/api.ts";
import App from "./app/app.vue";
import { createTranslator, loadLanguage, preferredLanguage } from "./app/i18n.ts";
import { createAppRouter } from "./app/router.ts";
import { useSession } from "./app/session.ts";
import "./kit/tokens.css";
import "./kit/base.css";

/** A part of the page that is gone was replaced by an upgrade of the control plane: the page is loaded anew, once in this time. */
const RELOAD_AT_MOST_EACH_MS = 10_000;
const RELOADED_KEY = "windflow.reloadedAt";

window.addEventListener("vite:preloadError", (event) => {
  if (Date.now() - Number(sessionStorage.getItem(RELOADED_KEY) ?? 0) < RELOAD_AT_MOST_EACH_MS) return;
  sessionStorage.setItem(RELOADED_KEY, String(Date.now()));
  event.preventDefault();
  location.reload();
});

async function start(): Promise<void> {
  const pinia = createPinia();
  const i18n = createTranslator();
  const app = createApp(App);
  app.use(pinia);
  app.use(PiniaColada, { queryOptions: { staleTime: 2_000, gcTime: 120_000 } });
  app.use(i18n);
  const session = useSession(pinia);
  const api = createApi((error) => session.onApiError(error));
  session.connect(api);
  app.provide(API_KEY, api);
  app.use(createAppRouter(session));
  await loadLanguage(i18n, preferredLanguage(localStorage.getItem("windflow.language"), navigator.languages));
  app.mount("#app");
}

void start();
