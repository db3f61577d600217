import {
  type ControlPlane,
  type Program,
  boundToThisProcess,
  enrollCommand,
  openApi,
  run,
  runAgentCommand,
  startProgram,
} from "@windflow/installer";
import { createHash } from "node:crypto";
import { mkdir, rm, stat, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

// Enrolment and the first session are a few round trips on loopback; the rest is for a loaded machine.
const ONLINE_TIMEOUT_MS = 60_000;
const ONLINE_POLL_MS = 200;
const TOKEN_LIFETIME_SECONDS = 300;

export interface LocalHost {
  hostId: string;
  name: string;
  enrolledNow: boolean;
  program: Program;
}

export interface LocalHostOptions {
  root: string;
  controlPlane: ControlPlane;
  /** The agent's state, kept between starts. */
  stateFolder: string;
  socketPath: string;
  logFile: string;
  env: NodeJS.ProcessEnv;
}

/** Enrols this machine over the public path when its agent has no identity yet, and starts the agent. */
export async function startLocalHost(options: LocalHostOptions): Promise<LocalHost> {
  const { root, stateFolder, socketPath, logFile, env } = options;
  const known = await stat(join(stateFolder, "identity.json")).catch(() => undefined);
  if (known === undefined) await enroll(options);
  const command = [...(await boundToThisProcess()), ...runAgentCommand({ root, stateFolder, socketPath })];
  const program = startProgram(command, { cwd: root, env, logFile });
  try {
    const host = await untilOnline(options.controlPlane, program);
    return { ...host, enrolledNow: known === undefined, program };
  } catch (error) {
    await program.stop();
    throw error;
  }
}

async function enroll({ root, controlPlane, stateFolder, socketPath, env }: LocalHostOptions): Promise<void> {
  const { credential, roots, url } = controlPlane;
  const api = openApi({ url, roots, token: credential.token, organization: credential.organizationId });
  const { secret = "" } = await api.enrollmentTokens.createEnrollmentToken({
    organization: credential.organizationId,
    name: "this machine",
    labels: { local: "true" },
    maxUses: 1,
    expiresInSeconds: TOKEN_LIFETIME_SECONDS,
  });
  await mkdir(stateFolder, { recursive: true, mode: 0o700 });
  const tokenFile = join(stateFolder, "join-token");
  await writeFile(tokenFile, secret, { mode: 0o600 });
  try {
    const caSha256 = createHash("sha256").update(roots).digest("hex");
    const name = hostname();
    const [program = "", ...args] = enrollCommand({
      root,
      stateFolder,
      socketPath,
      server: url,
      caSha256,
      tokenFile,
      name,
    });
    await run(program, args, { env, cwd: root });
  } finally {
    await rm(tokenFile, { force: true });
  }
}

async function untilOnline(controlPlane: ControlPlane, program: Program): Promise<{ hostId: string; name: string }> {
  const { credential, roots, url } = controlPlane;
  const api = openApi({ url, roots, token: credential.token, organization: credential.organizationId });
  let end: string | undefined;
  void program.ended.then((how) => (end = how)).catch(() => undefined);
  const deadline = Date.now() + ONLINE_TIMEOUT_MS;
  for (;;) {
    const { hosts = [] } = await api.hosts.listHosts({ organization: credential.organizationId, filter: "local=true" });
    const online = hosts.find((host) => host.presence === "PRESENCE_ONLINE");
    if (online?.id !== undefined) return { hostId: online.id, name: online.name ?? online.id };
    if (end !== undefined) throw new Error(`The agent ended (${end}):\n${program.output().slice(-2000)}`);
    if (Date.now() > deadline) {
      const seen = hosts.map((host) => `${host.name ?? host.id ?? "?"}: ${host.presenceCause ?? host.presence ?? "?"}`);
      throw new Error(`The local host did not come online within ${ONLINE_TIMEOUT_MS / 1000} s (${seen.join("; ")})`);
    }
    await sleep(ONLINE_POLL_MS);
  }
}
