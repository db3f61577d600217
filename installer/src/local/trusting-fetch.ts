import { request } from "node:https";
import { Readable } from "node:stream";

// No single answer of the API takes longer to begin; a stream then goes on for as long as it likes.
const FIRST_BYTE_TIMEOUT_MS = 60_000;
// Statuses whose responses may have no body, by the Fetch standard.
const BODILESS = new Set([204, 205, 304]);

/** The part of fetch() that the REST client uses. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** A fetch() that trusts just the given roots (PEM), which the global fetch cannot be told per call. */
export function trustingFetch(roots: string): Fetch {
  return (url, init) =>
    new Promise((resolve, reject) => {
      const call = request(
        url,
        {
          method: init.method ?? "GET",
          headers: Object.fromEntries(new Headers(init.headers)),
          ca: roots,
          ...(init.signal ? { signal: init.signal } : {}),
        },
        (response) => {
          call.setTimeout(0);
          const headers = new Headers();
          for (const [name, value] of Object.entries(response.headersDistinct)) {
            for (const one of value ?? []) headers.append(name, one);
          }
          const status = response.statusCode ?? 502;
          const body = BODILESS.has(status) ? null : (Readable.toWeb(response) as unknown as ReadableStream);
          resolve(new Response(body, { status, headers }));
        },
      );
      call.setTimeout(FIRST_BYTE_TIMEOUT_MS, () => call.destroy(new Error(`No answer from ${url}`)));
      call.on("error", reject);
      call.end(init.body ?? undefined);
    });
}
