import { type ApiClient, createRestClient } from "@windflow/proto/client";
import { trustingFetch } from "./trusting-fetch.ts";

/** Where an API is and who calls it. */
export interface ApiAccess {
  /** Origin, such as "https://localhost:8443". */
  url: string;
  /** PEM of the control plane's roots. */
  roots: string;
  /** Bearer token. */
  token: string;
  organization: string;
}

/** The REST client of a control plane with a private certificate authority. */
export function openApi({ url, roots, token }: ApiAccess): ApiClient {
  return createRestClient({ baseUrl: url, fetch: trustingFetch(roots), token });
}
