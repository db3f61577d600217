import { readFileSync } from "node:fs";
import type { AgentConfig } from "./config.ts";
import { createDockerEngine } from "./engines/docker/index.ts";
import { type Enrolled, enrollHost } from "./enroll/enroll.ts";
import { parseLabels } from "./enroll/labels.ts";
import { fetchPinnedRoots, requireCertificates } from "./enroll/pinned-roots.ts";
import { AgentError } from "./errors.ts";
import { hostReport } from "./facts/host-report.ts";
import { parseServerAddress } from "./session/server-address.ts";

export interface EnrollOptions {
  /** `https://host:port`. */
  readonly server: string;
  readonly token: string;
  /** PEM file with the control plane's roots. */
  readonly caFile?: string | undefined;
  /** Or their sha256, as 64 hexadecimal digits; they are fetched from the control plane then. */
  readonly caSha256?: string | undefined;
  /** `key=value,key=value`. */
  readonly labels?: string | undefined;
}

/** The engine's facts are a courtesy at enrolment; a host without one is enrolled all the same. */
const ENGINE_FACTS_TIMEOUT_MS = 3_000;

/**
 * Makes this host known to a control plane. Safe to repeat with the same token.
 * @throws AgentError WF_CONFIG_INVALID, WF_CA_MISMATCH, WF_SERVER_UNREACHABLE, WF_SERVER_UNTRUSTED, WF_ENROLL_REFUSED, WF_ALREADY_ENROLLED
 */
export async function enrollAgent(config: AgentConfig, options: EnrollOptions): Promise<Enrolled> {
  const server = parseServerAddress(options.server);
  const labels = parseLabels(options.labels ?? "");
  const [roots, engine] = await Promise.all([rootsOf(server.url, options), engineFacts(config.engineSocket)]);
  return enrollHost({
    stateDir: config.stateDir,
    server,
    token: options.token,
    roots,
    host: hostReport({ name: config.name, hostShellAllowed: config.allowHostShell, engine }),
    labels,
    now: () => Date.now(),
  });
}

async function rootsOf(server: string, options: EnrollOptions): Promise<string> {
  if (options.caFile !== undefined) return requireCertificates(readFileSync(options.caFile, "utf8"), options.caFile);
  if (options.caSha256 !== undefined && /^[0-9a-fA-F]{64}$/.test(options.caSha256))
    return fetchPinnedRoots(server, options.caSha256);
  throw new AgentError(
    "WF_CONFIG_INVALID",
    "Give --ca-file FILE or --ca-sha256 HEX (64 digits), so that this host knows which control plane it may trust.",
  );
}

function engineFacts(
  socketPath: string,
): Promise<Awaited<ReturnType<ReturnType<typeof createDockerEngine>["facts"]>> | undefined> {
  const asked = createDockerEngine({ socketPath })
    .facts()
    .catch(() => undefined);
  const late = new Promise<undefined>((resolve) => setTimeout(resolve, ENGINE_FACTS_TIMEOUT_MS, undefined).unref());
  return Promise.race([asked, late]);
}
