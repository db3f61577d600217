import { openApi, startControlPlane, type ControlPlane } from "@windflow/installer";
import { freePort, repositoryRoot } from "@windflow/e2e/testbed";
import type { ApiClient } from "@windflow/proto/client";
import { chmod, cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { processorSeconds } from "../ingest/processor.ts";
import { ownProcessorSeconds, residentKb } from "../measure/process.ts";
import type { Endpoint } from "./link.ts";

/** A control plane in a process of its own, as it is shipped: embedded PostgreSQL, TLS, one port. */
export interface Site {
  readonly organization: string;
  api: ApiClient;
  controlPlane: ControlPlane;
  endpointOf(worker: number): Endpoint;
  /** SIGKILL; its database is left to itself. */
  kill(): Promise<void>;
  /** On the same state. */
  start(): Promise<void>;
  use(): Use;
  /** Its log stays in bench/results. */
  remove(): Promise<void>;
}

/** What the control plane has used so far, its database apart. */
export interface Use {
  readonly atMs: number;
  readonly processorSeconds: number;
  readonly databaseSeconds: number;
  readonly residentKb: number;
}

const ADDRESS = "127.0.0.1";

/** @param profileFolder where the control plane leaves a profile of its processor time when it ends in order; "" for none */
export async function startSite(profileFolder: string): Promise<Site> {
  const folder = await mkdtemp(join(tmpdir(), "windflow-fleet-"));
  // The database's user has to pass through.
  await chmod(folder, 0o711);
  const port = await freePort();
  const boot = (): Promise<ControlPlane> =>
    startControlPlane({
      root: repositoryRoot,
      stateFolder: join(folder, "state"),
      address: ADDRESS,
      port,
      names: [ADDRESS],
      uiFolder: "",
      logFile: join(folder, "control-plane.log"),
      env: { PATH: process.env["PATH"], ...profiled(profileFolder) },
    });
  const controlPlane = await boot();
  const organization = controlPlane.credential.organizationId;
  const site: Site = {
    organization,
    controlPlane,
    api: clientOf(controlPlane),
    endpointOf: (worker) => ({
      host: ADDRESS,
      port,
      // The whole of 127/8 is this machine: each process of agents has ports of its own.
      localAddress: `127.0.1.${worker + 1}`,
      roots: controlPlane.roots,
    }),
    kill: () => site.controlPlane.program.kill(),
    start: async () => {
      site.controlPlane = await boot();
      site.api = clientOf(site.controlPlane);
    },
    use: () => useOf(site.controlPlane.program.pid),
    remove: async () => {
      await site.controlPlane.program.stop().catch(() => undefined);
      await cp(join(folder, "control-plane.log"), join(repositoryRoot, "bench/results/fleet-control-plane.log"));
      await rm(folder, { recursive: true, force: true });
    },
  };
  return site;
}

function profiled(folder: string): NodeJS.ProcessEnv {
  return folder === "" ? {} : { NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${folder}` };
}

function clientOf({ url, roots, credential }: ControlPlane): ApiClient {
  return openApi({ url, roots, token: credential.token, organization: credential.organizationId });
}

function useOf(pid: number): Use {
  const own = ownProcessorSeconds(pid);
  return {
    atMs: performance.now(),
    processorSeconds: own,
    databaseSeconds: processorSeconds(pid) - own,
    residentKb: residentKb(pid),
  };
}
