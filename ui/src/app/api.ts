import { ApiError, createRestClient, type ApiClient } from "@windflow/proto/client";
import { inject, type InjectionKey } from "vue";

export const API_KEY: InjectionKey<ApiClient> = Symbol("api");

/** The control plane that served this page. */
export function createApi(onError: (error: ApiError) => void): ApiClient {
  return createRestClient({ baseUrl: "", fetch: (url, init) => fetch(url, init), onError });
}

/** The same for a stream that must be known to live: `onAlive` is called when an answer begins and at every byte of it. */
export function createWatchedApi(onAlive: () => void): ApiClient {
  return createRestClient({
    baseUrl: "",
    fetch: async (url, init) => {
      const response = await fetch(url, init);
      if (!response.ok || response.body === null) return response;
      onAlive();
      const watched = new TransformStream<Uint8Array, Uint8Array>({
        transform(chunk, controller) {
          onAlive();
          controller.enqueue(chunk);
        },
      });
      return new Response(response.body.pipeThrough(watched), { status: response.status, headers: response.headers });
    },
  });
}

export function useApi(): ApiClient {
  const api = inject(API_KEY);
  if (api === undefined) throw new Error("No API client is provided: the component stands outside the application.");
  return api;
}

/** Any thrown value as the error that can be shown; a defect of this page says so. */
export function asApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  const detail = error instanceof Error ? error.message : String(error);
  return new ApiError({ code: "WF_UI", title: "The page failed", detail, fix: "Reload the page." }, error);
}
