import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import type { Certificates } from "./certificates/certificates.ts";

/** The three calls that these routes need of an HTTP server; Fastify fits. */
export interface RouteHost {
  get(path: string, handler: (request: { params: unknown }, reply: Reply) => Promise<unknown>): unknown;
}
interface Reply {
  header(name: string, value: string): Reply;
  code(status: number): Reply;
  send(body: unknown): Reply;
}

interface Parts {
  certificates: Certificates;
  /** Folders with install.sh and built agents, looked through in order. */
  folders: readonly string[];
}

const TEXT = "text/plain; charset=utf-8";
const SCRIPT = "install.sh";
const AGENTS = ["windflow-agent-linux-x64", "windflow-agent-linux-arm64"];
// Nothing else is given out, whatever lies in the folders.
const OFFERED: ReadonlySet<string> = new Set([SCRIPT, "SHA256SUMS", ...AGENTS]);

/** What a new host fetches before it has any identity: the authority, the script, the agent. Public, and nothing secret in it. */
export function installRoutes(http: RouteHost, parts: Parts): void {
  http.get("/install/ca.pem", async (_request, reply) =>
    reply
      .header("content-type", "application/x-pem-file")
      .header("cache-control", "no-store")
      .send(parts.certificates.rootsPem()),
  );
  http.get("/install/:file", async (request, reply) => {
    const { file } = request.params as { file: string };
    if (!OFFERED.has(file)) return reply.code(404).header("content-type", TEXT).send("There is no such file here.\n");
    const found = await find(parts.folders, file);
    if (found === undefined) return reply.code(404).header("content-type", TEXT).send(missing(file));
    return reply
      .header("content-type", AGENTS.includes(file) ? "application/octet-stream" : TEXT)
      .header("content-length", String(found.bytes))
      .header("cache-control", "no-store")
      .send(createReadStream(found.path));
  });
}

async function find(folders: readonly string[], file: string): Promise<{ path: string; bytes: number } | undefined> {
  for (const folder of folders) {
    const path = join(folder, file);
    const found = await stat(path).catch(() => undefined);
    if (found?.isFile() === true) return { path, bytes: found.size };
  }
  return undefined;
}

function missing(file: string): string {
  return `This control plane has no built ${file}. Copy the agent of the same version to the host and use the enrol line.\n`;
}
