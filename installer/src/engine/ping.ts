import { request } from "node:http";

// A healthy engine answers in milliseconds; one that is starting holds the request until it is ready.
const PING_TIMEOUT_MS = 2_000;

/** What answered on a socket: Docker or Podman, its version, and the highest Engine API version it speaks. */
export interface EngineAnswer {
  kind: "docker" | "podman";
  version: string;
  apiVersion: string;
}

/** How to reach an engine: a unix socket, or host and port for `tcp://`. */
export type EngineAddress = { socketPath: string } | { host: string; port: number };

/** Asks `/version` of the engine; undefined when nothing there answers like one. */
export async function pingEngine(address: EngineAddress): Promise<EngineAnswer | undefined> {
  try {
    const version = JSON.parse(await get(address, "/version")) as {
      Version?: string;
      ApiVersion?: string;
      Components?: { Name?: string }[];
    };
    if (version.Version === undefined || version.ApiVersion === undefined) return undefined;
    const podman = (version.Components ?? []).some((component) => /podman/i.test(component.Name ?? ""));
    return { kind: podman ? "podman" : "docker", version: version.Version, apiVersion: version.ApiVersion };
  } catch {
    return undefined;
  }
}

function get(address: EngineAddress, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const call = request({ ...address, path, timeout: PING_TIMEOUT_MS }, (response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => (body += chunk));
      response.on("error", reject);
      response.on("end", () =>
        response.statusCode === 200 ? resolve(body) : reject(new Error(`status ${response.statusCode}`)),
      );
    });
    call.on("timeout", () => call.destroy(new Error("no answer")));
    call.on("error", reject);
    call.end();
  });
}
