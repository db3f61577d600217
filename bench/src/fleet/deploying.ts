import { followRollout } from "@windflow/installer";
import type { Placement, Rollout, RolloutStrategy } from "@windflow/proto/client";
import type { Site } from "./site.ts";
import { percentile } from "./until.ts";
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

const hostsOf = (rollout: Rollout): number => rollout.hosts?.length ?? 0;

/** Equal waves; a host passes as soon as all runs. */
export function wavesOf(count: number): RolloutStrategy {
  const percent = Math.floor(100 / count);
  return { waves: Array.from({ length: count }, () => ({ percent })), healthGate: { stableSeconds: 0 } };
}
