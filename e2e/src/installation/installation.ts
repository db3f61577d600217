import { createHash } from "node:crypto";
import { cp, mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  type ControlPlane,
  type Program,
  enrollCommand,
  openApi,
  runAgentCommand,
  startControlPlane,
} from "@windflow/installer";
import {
  type Fleet,
  type FleetHost,
  type FleetOptions,
  buildImages,
  createFleet,
  repositoryRoot,
} from "@windflow/e2e/testbed";
import type { ApiClient } from "@windflow/proto/client";

const PORT = 8443;

/** A host of the fleet with a real agent. */
export interface InstalledHost {
  readonly host: FleetHost;
  readonly hostId: string;
  /** The agent's process, as long as it runs. */
  agent: Program;
  /** Starts the agent again with the identity it has. @param env more variables for it */
  startAgent(env?: NodeJS.ProcessEnv): Promise<void>;
}

/** A control plane and hosts that have enrolled with it, each in namespaces of its own. */
export interface Installation {
  readonly fleet: Fleet;
  readonly hosts: readonly InstalledHost[];
  readonly organization: string;
  controlPlane: ControlPlane;
  /** Client of the control plane as it runs now. */
  api: ApiClient;
  /** SIGKILL to its process; the database is left to itself, as in a crash. */
  killControlPlane(): Promise<void>;
  /** Starts it again on the same state. */
  startControlPlane(): Promise<void>;
  remove(): Promise<void>;
}

/** Variables for the programs, beside those that every installation has. */
export interface InstallationSettings {
  readonly controlPlane?: (fleet: Fleet) => NodeJS.ProcessEnv;
  readonly agent?: (host: FleetHost) => NodeJS.ProcessEnv;
}

/** Makes the fleet, starts the control plane and enrols every host over the public path. With `uiFolder` it serves these pages. */
export async function createInstallation(
  engines: FleetOptions["hosts"],
  uiFolder: string = "",
  settings: InstallationSettings = {},
): Promise<Installation> {
  const fleet = await createFleet({ hosts: engines });
  try {
    const env = settings.controlPlane?.(fleet);
    const controlPlane = await bootControlPlane(fleet, uiFolder, env);
    const organization = controlPlane.credential.organizationId;
    const hosts: InstalledHost[] = [];
    for (const host of fleet.hosts) hosts.push(await installHost(host, controlPlane, settings.agent?.(host)));
    const installation: Installation = {
      fleet,
      hosts,
      organization,
      controlPlane,
      api: clientOf(controlPlane),
      killControlPlane: () => installation.controlPlane.program.kill(),
      startControlPlane: async () => {
        installation.controlPlane = await bootControlPlane(fleet, uiFolder, env);
        installation.api = clientOf(installation.controlPlane);
      },
      remove: async () => {
        await keepLogs(fleet);
        await fleet.remove();
      },
    };
    return installation;
  } catch (error) {
    await keepLogs(fleet);
    await fleet.remove();
    throw error;
  }
}

function clientOf({ url, roots, credential }: ControlPlane): ApiClient {
  return openApi({ url, roots, token: credential.token, organization: credential.organizationId });
}

export function bootControlPlane(
  fleet: Fleet,
  uiFolder: string = "",
  env: NodeJS.ProcessEnv = {},
): Promise<ControlPlane> {
  const { server, serverAddress } = fleet;
  return startControlPlane({
    root: repositoryRoot,
    stateFolder: join(server.folder, "state"),
    address: serverAddress,
    port: PORT,
    names: [serverAddress, "server"],
    uiFolder,
    logFile: join(server.folder, "control-plane.log"),
    env,
    start: (command, { logFile }) => server.run(command, { logFile, env }),
  });
}

/** Enrols one host with a token of its own and starts its agent. @param settings variables for each of its starts */
export async function installHost(
  host: FleetHost,
  controlPlane: ControlPlane,
  settings: NodeJS.ProcessEnv = {},
): Promise<InstalledHost> {
  const { machine } = host;
  const organization = controlPlane.credential.organizationId;
  const api = clientOf(controlPlane);
  const { secret = "" } = await api.enrollmentTokens.createEnrollmentToken({
    organization,
    labels: { name: host.name, site: "test" },
  });
  const tokenFile = join(machine.folder, "token");
  const stateFolder = join(machine.folder, "agent");
  await mkdir(stateFolder, { recursive: true, mode: 0o700 });
  await writeFile(tokenFile, secret, { mode: 0o600 });
  const place = { root: repositoryRoot, stateFolder, socketPath: host.engine.socketPath };
  const caSha256 = createHash("sha256").update(controlPlane.roots).digest("hex");
  await machine.exec(enrollCommand({ ...place, server: controlPlane.url, caSha256, tokenFile }));
  const run = (env: NodeJS.ProcessEnv = {}): Promise<Program> =>
    machine.run(runAgentCommand(place), { env: { ...settings, ...env }, logFile: join(machine.folder, "agent.log") });
  const { hosts = [] } = await api.hosts.listHosts({ organization, filter: `name=${host.name}` });
  await buildImages(host.engine.docker, ["busybox"]);
  const installed: InstalledHost = {
    host,
    hostId: hosts[0]?.id ?? "",
    agent: await run(),
    startAgent: async (env) => void (installed.agent = await run(env)),
  };
  return installed;
}

// Looked at when a scenario has failed; the newest run's are kept.
async function keepLogs(fleet: Fleet): Promise<void> {
  const artifacts = join(repositoryRoot, "e2e/artifacts");
  // Another suite beside this one may be at it.
  await rm(artifacts, { recursive: true, force: true }).catch(() => undefined);
  await mkdir(artifacts, { recursive: true });
  const logs = [
    [join(fleet.server.folder, "control-plane.log"), "control-plane.log"],
    ...fleet.hosts.flatMap(({ name, machine }) => [
      [join(machine.folder, "agent.log"), `${name}-agent.log`],
      [join(machine.folder, "dockerd.log"), `${name}-dockerd.log`],
    ]),
  ];
  for (const [from = "", to = ""] of logs) await cp(from, join(artifacts, to)).catch(() => undefined);
}
