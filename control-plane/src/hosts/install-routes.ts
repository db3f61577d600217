import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { field, type Log } from "../platform/index.ts";
import type { Certificates } from "./certificates/certificates.ts";
import { SIGNATURE, SUMS, type InstallRelease, type OfferedFile } from "./install-release.ts";
import { createTransfers, rangeOf } from "./install-transfer.ts";

/** The calls that these routes need of an HTTP server; Fastify fits. */
export interface RouteHost {
  get(path: string, handler: (request: Request, reply: Reply) => Promise<unknown>): unknown;
}
interface Request {
  readonly params: unknown;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}
interface Reply {
  header(name: string, value: string): Reply;
  code(status: number): Reply;
  send(body: unknown): Reply;
}

interface Parts {
  certificates: Certificates;
  log: Log;
  release: InstallRelease;
  /** Public halves of the keys that sign releases, base64 of DER; put into the script. */
  releaseKeys: readonly string[];
}

const TEXT = "text/plain; charset=utf-8";
const SCRIPT = "install.sh";
const SCRIPTS: ReadonlySet<string> = new Set([SCRIPT, "launch.sh", SUMS]);
const AGENTS = ["windflow-agent-linux-x64", "windflow-agent-linux-arm64"];
// Nothing else is given out, whatever lies in the folders.
const OFFERED: ReadonlySet<string> = new Set([
  ...SCRIPTS,
  SIGNATURE,
  ...AGENTS.flatMap((name) => [name, `${name}.gz`, `${name}.zst`]),
  // For hosts without glibc: the agent as a container.
  "windflow-agent-image-linux-x64.tar",
  "windflow-agent-image-linux-arm64.tar",
]);
// After about this long one of those that are being sent has ended.
const RETRY_AFTER_SECONDS = "5";

/** What a new host fetches before it has any identity: the authority, the script, the agent. Public, and nothing secret in it. */
export function installRoutes(http: RouteHost, parts: Parts): void {
  const { release, log } = parts;
  const transfers = createTransfers();
  http.get("/install/ca.pem", async (_request, reply) =>
    reply
      .header("content-type", "application/x-pem-file")
      .header("cache-control", "no-store")
      .send(parts.certificates.rootsPem()),
  );
  http.get("/install/:file", async (request, reply) => {
    const { file: name } = request.params as { file: string };
    reply.header("content-type", TEXT).header("cache-control", "no-cache");
    if (!OFFERED.has(name)) return reply.code(404).send("There is no such file here.\n");
    const file = await release.find(name);
    if (file === undefined) return reply.code(404).send(missing(name));
    if ("withheld" in file) {
      log.error({ [field.name]: name, [field.reason]: file.withheld }, "A file for new hosts is not as released.");
      return reply.code(409).send(`${name} is not given out: ${file.withheld}. Put the released files back.\n`);
    }
    if (name === SCRIPT) {
      const script = await scriptOf(parts, file);
      return reply.header("etag", `"${sha256Hex(script)}"`).send(script);
    }
    return give(request, reply, name, file);
  });

  function give(request: Request, reply: Reply, name: string, file: OfferedFile): Reply {
    const etag = `"${file.sha256}"`;
    reply.header("etag", etag).header("accept-ranges", "bytes");
    if (request.headers["if-none-match"] === etag) return reply.code(304).send("");
    // A range of what was another file is no use to anybody.
    const same = request.headers["if-range"] === undefined || request.headers["if-range"] === etag;
    const range = same ? rangeOf(one(request.headers["range"]), file.bytes) : "whole";
    if (range === "unsatisfiable")
      return reply.code(416).header("content-range", `bytes */${file.bytes}`).send("There are no such bytes.\n");
    const { start, end } = range === "whole" ? { start: 0, end: file.bytes - 1 } : range;
    const stream = transfers.begin(file.path, { start, end });
    if (stream === undefined)
      return reply.code(503).header("retry-after", RETRY_AFTER_SECONDS).send("Too many download at once: ask again.\n");
    if (range !== "whole") reply.code(206).header("content-range", `bytes ${start}-${end}/${file.bytes}`);
    if (!SCRIPTS.has(name)) reply.header("content-type", "application/octet-stream");
    return reply.header("content-length", String(end - start + 1)).send(stream);
  }
}

type ScriptParts = Pick<Parts, "release" | "releaseKeys">;

/** Hex sha256 of the script as it is given out, which the line for wget pins; undefined when there is none to give. */
export async function scriptHash(parts: ScriptParts): Promise<string | undefined> {
  const file = await parts.release.find(SCRIPT);
  return file === undefined || "withheld" in file ? undefined : sha256Hex(await scriptOf(parts, file));
}

/** The script, with what it checks all else by. */
async function scriptOf({ release, releaseKeys }: ScriptParts, file: OfferedFile): Promise<string> {
  const text = await readFile(file.path, "utf8");
  const sums = (await release.sumsOf()) ?? "";
  return text
    .replace(/^release_keys=''$/m, `release_keys='${releaseKeys.join(" ")}'`)
    .replace(/^release_sums=''$/m, `release_sums='${sums}'`);
}

function sha256Hex(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

function one(header: string | string[] | undefined): string | undefined {
  return typeof header === "string" ? header : header?.[0];
}

function missing(name: string): string {
  return `This control plane has no built ${name}. Copy the agent of the same version to the host and use the enrol line.\n`;
}
