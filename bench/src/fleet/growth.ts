import { setTimeout as pause } from "node:timers/promises";
import type { Scale } from "./scale.ts";
import type { Site } from "./site.ts";
import { until } from "./until.ts";
import type { Workers } from "./workers.ts";

const MOST_MOMENTS = 12;
const SETTLED_PERCENT = 5;

/** What so many sessions cost. */
export interface GrowthPoint {
  readonly agents: number;
  readonly residentKb: number;
  /** Of the control plane; of its database, for each session that was opened. */
  readonly openCpuMs: number;
  readonly openDatabaseCpuMs: number;
  /** Share of one core while the agents do nothing but beat and ship figures. */
  readonly steadyCpuPercent: number;
  readonly steadyDatabaseCpuPercent: number;
}

/** Opens further sessions until there are so many, lets them be for a while, and says what both cost. */
export async function growTo(site: Site, workers: Workers, agents: number, scale: Scale): Promise<GrowthPoint> {
  const before = site.use();
  const { welcomed: had } = await workers.tally();
  await openAll(workers, agents, scale);
  const opened = site.use();
  await settled(site, scale);
  const steady = await rest(site, scale.steadyMs);
  const fresh = agents - had;
  return {
    agents,
    openCpuMs: ((opened.processorSeconds - before.processorSeconds) * 1000) / fresh,
    openDatabaseCpuMs: ((opened.databaseSeconds - before.databaseSeconds) * 1000) / fresh,
    ...steady,
  };
}

/** What the control plane and its database use while the agents do nothing but beat and ship figures. */
export async function rest(
  site: Site,
  forMs: number,
): Promise<Pick<GrowthPoint, "residentKb" | "steadyCpuPercent" | "steadyDatabaseCpuPercent">> {
  const begun = site.use();
  await pause(forMs);
  const end = site.use();
  const seconds = (end.atMs - begun.atMs) / 1000;
  return {
    residentKb: end.residentKb,
    steadyCpuPercent: ((end.processorSeconds - begun.processorSeconds) * 100) / seconds,
    steadyDatabaseCpuPercent: ((end.databaseSeconds - begun.databaseSeconds) * 100) / seconds,
  };
}

/** What the sessions began is over: the processor is used as much as a moment before. */
export async function settled(site: Site, scale: Scale): Promise<void> {
  let before = Number.POSITIVE_INFINITY;
  for (let i = 0; i < MOST_MOMENTS; i++) {
    const from = site.use();
    await pause(scale.settleMs);
    const to = site.use();
    const percent = ((to.processorSeconds - from.processorSeconds) * 100_000) / (to.atMs - from.atMs);
    if (Math.abs(before - percent) < SETTLED_PERCENT) return;
    before = percent;
  }
}

/** Opens further sessions until there are so many; seconds that it took. */
export async function openAll(workers: Workers, agents: number, scale: Scale): Promise<number> {
  await workers.all("run", (worker) => ({
    agents: share(agents, workers.count, worker),
    perSecond: scale.openPerSecond / workers.count,
  }));
  return allWelcomed(workers, agents, scale);
}

/** Every agent has a session; seconds that it took. */
export async function allWelcomed(workers: Workers, agents: number, scale: Scale): Promise<number> {
  const look = () => workers.tally();
  const { seconds } = await until(`${agents} sessions`, look, ({ welcomed }) => welcomed === agents, scale.patienceMs);
  return seconds;
}

/** How many of all are this worker's. */
export function share(all: number, workers: number, worker: number): number {
  return Math.floor(all / workers) + (worker < all % workers ? 1 : 0);
}
