import { followRollout } from "@windflow/installer";
import type { Placement, Rollout, RolloutStrategy } from "@windflow/proto/client";
import type { Scale } from "./scale.ts";
import type { Site } from "./site.ts";
import { percentile, until } from "./until.ts";
import type { Workers } from "./workers.ts";

export interface Deployed {
  readonly state: string;
  readonly hosts: number;
  readonly seconds: number;
  /** From the call until each host was told, milliseconds. */
  readonly toldP50Ms: number;
  readonly toldP99Ms: number;
  readonly told: number;
  readonly processorMsPerHost: number;
  readonly databaseMsPerHost: number;
}

const PATIENCE_MS = 600_000;
// Any number but the usual one.
const TOLD_TO_KEEP = 4;
const compose = (revision: number): string =>
  ["services:", "  web:", "    image: wf/fleet:1", "    environment:", `      REV: "${revision}"`, ""].join("\n");

/** A stack of one service, rolled out. */
export async function deploy(
  site: Site,
  workers: Workers,
  wanted: { name: string; placement: Placement; strategy: RolloutStrategy; revision: number },
): Promise<Deployed> {
  const { api, organization } = site;
  const { name, placement, strategy } = wanted;
  const { stacks = [] } = await api.stacks.listStacks({ organization, filter: name });
  const stack =
    stacks.find((one) => one.name === name) ?? (await api.stacks.createStack({ organization, name, placement }));
  const stackId = stack.id ?? "";
  const source = { files: { "compose.yaml": compose(wanted.revision) } };
  const { number: revision = 0 } = await api.stacks.createRevision({ organization, stackId, source });

  const before = site.use();
  const beganAt = Date.now();
  const began = await api.rollouts.createRollout({ organization, stackId, revision, strategy });
  const ended = await followRollout(api, organization, began.id ?? "", AbortSignal.timeout(PATIENCE_MS));
  const after = site.use();
  const told = (await workers.all("told", () => ({ stackId, revision }))).flat().map((at) => at - beganAt);
  const hosts = hostsOf(ended);
  return {
    state: ended.state ?? "",
    hosts,
    seconds: (after.atMs - before.atMs) / 1000,
    told: told.length,
    toldP50Ms: percentile(told, 50),
    toldP99Ms: percentile(told, 99),
    processorMsPerHost: ((after.processorSeconds - before.processorSeconds) * 1000) / hosts,
    databaseMsPerHost: ((after.databaseSeconds - before.databaseSeconds) * 1000) / hosts,
  };
}

const hostsOf = (rollout: Rollout): number => rollout.hostsTotal ?? 0;

export interface Told {
  readonly hosts: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly processorMsPerHost: number;
  readonly databaseMsPerHost: number;
}

/** One word to every host that has the stack, by its policy, which takes effect without a rollout; until each was told. */
export async function tellAll(site: Site, workers: Workers, name: string, scale: Scale): Promise<Told> {
  const { api, organization } = site;
  const { stacks = [] } = await api.stacks.listStacks({ organization, filter: name });
  const { id: stackId = "", currentRevision: revision = 0 } = stacks.find((one) => one.name === name) ?? {};
  const before = site.use();
  const beganAt = Date.now();
  await api.stacks.updateStack({ organization, stackId, policy: { keepRevisions: TOLD_TO_KEEP } });
  const look = async () => (await workers.all("told", () => ({ stackId, revision, kept: TOLD_TO_KEEP }))).flat();
  const { value: last } = await until("all told", look, (told) => told.length >= scale.agents, scale.patienceMs);
  const after = site.use();
  const times = last.map((at) => at - beganAt);
  const perHost = (seconds: number): number => (seconds * 1000) / times.length;
  return {
    hosts: times.length,
    p50Ms: percentile(times, 50),
    p99Ms: percentile(times, 99),
    processorMsPerHost: perHost(after.processorSeconds - before.processorSeconds),
    databaseMsPerHost: perHost(after.databaseSeconds - before.databaseSeconds),
  };
}

/** Equal waves; a host passes as soon as all runs. */
export function wavesOf(count: number): RolloutStrategy {
  const percent = Math.floor(100 / count);
  return { waves: Array.from({ length: count }, () => ({ percent })), healthGate: { stableSeconds: 0 } };
}
