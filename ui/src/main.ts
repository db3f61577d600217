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
