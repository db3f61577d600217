import { setTimeout as sleep } from "node:timers/promises";
import type { RolloutStrategy } from "@windflow/proto/client";
import type Docker from "dockerode";
import type { Installation } from "../installation/installation.ts";
import { idleStack } from "../installation/stacks.ts";
import type { ChaosRecord } from "./record.ts";

/** The stack that is changed all the time. */
export const BUSY = "busy";
export const BUSY_SERVICES: readonly string[] = ["web", "worker"];
/** The stack that nobody changes. */
export const STILL = "still";
/** A container that has nothing to do with the fleet. */
export const FOREIGN = "foreign";

const IDLE = ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 3600 & wait $!; done"];
// A new revision about this often: some rollouts end, some are superseded in the middle.
const CHANGE_MS = 9_000;
const MARKER_MS = 4_000;

export const busyStack = (number: number): string =>
  idleStack(Object.fromEntries(BUSY_SERVICES.map((name) => [name, String(number)])));

/** One of the ways in which people roll out, by turns. */
function strategyOf(turn: number): RolloutStrategy {
  const gate = { healthGate: { stableSeconds: 1, deadlineSeconds: 60 } };
  const canary = [{ name: "canary", hosts: 1, pauseSeconds: 1 }];
  switch (turn % 4) {
    case 0:
      return gate;
    case 1:
      return { ...gate, maxParallel: 1, failureBudget: 1 };
    case 2:
      return { ...gate, waves: canary, onFailure: "ON_FAILURE_ROLL_BACK" };
    default:
      return { ...gate, waves: [{ percent: 34 }, { percent: 34 }], failureBudget: 3 };
  }
}

/** Makes revisions and rolls them out until the signal ends it; what was answered for is noted. */
export async function keepDeploying(
  installation: Installation,
  record: ChaosRecord,
  stackId: string,
  signal: AbortSignal,
): Promise<void> {
  for (let turn = 0; !signal.aborted; turn += 1) {
    await attempt(record, async () => {
      const { api, organization } = installation;
      const source = { files: { "compose.yaml": busyStack(turn + 1) } };
      const { number = 0 } = await api.stacks.createRevision({ organization, stackId, source });
      record.acknowledged.revisions.push(number);
      const strategy = strategyOf(turn);
      const { id = "" } = await api.rollouts.createRollout({ organization, stackId, revision: number, strategy });
      record.acknowledged.rolloutIds.push(id);
    });
    await sleep(CHANGE_MS, undefined, { signal }).catch(() => undefined);
  }
}

/** Starts containers by hand that end at once, here and there, until the signal ends it. */
export async function keepMarking(installation: Installation, record: ChaosRecord, signal: AbortSignal): Promise<void> {
  for (let turn = 0; !signal.aborted; turn += 1) {
    const host = turn % installation.hosts.length;
    const docker = installation.hosts[host]?.host.engine.docker;
    // An engine that is down, or full, runs nothing.
    if (docker !== undefined) await mark(docker, record, host).catch(() => undefined);
    await sleep(MARKER_MS, undefined, { signal }).catch(() => undefined);
  }
}

async function mark(docker: Docker, record: ChaosRecord, host: number): Promise<void> {
  const container = await docker.createContainer({
    Image: "wf/busybox:1",
    Cmd: ["true"],
    HostConfig: { AutoRemove: true },
  });
  await container.start();
  record.markers.push({ host, containerId: container.id, at: Date.now() });
}

/** A container that runs by hand, which nobody may touch. */
export async function runForeign(docker: Docker): Promise<void> {
  const container = await docker.createContainer({
    name: FOREIGN,
    Image: "wf/busybox:1",
    Cmd: IDLE,
    HostConfig: { RestartPolicy: { Name: "unless-stopped" } },
  });
  await container.start();
}

const WATCH_MS = 1_000;

/** Asks what the hosts are called, until the signal ends it. */
export async function keepWatching(
  installation: Installation,
  record: ChaosRecord,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    await attempt(record, async () => {
      const { hosts = [] } = await installation.api.hosts.listHosts({ organization: installation.organization });
      const at = Date.now();
      for (const { id = "", presence = "" } of hosts) record.presences.push({ at, hostId: id, presence });
    });
    await sleep(WATCH_MS, undefined, { signal }).catch(() => undefined);
  }
}

/** A call that may fail since the server is away; how often and why is kept for the report. */
async function attempt(record: ChaosRecord, call: () => Promise<void>): Promise<void> {
  try {
    await call();
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    record.refusals.set(why, (record.refusals.get(why) ?? 0) + 1);
  }
}
