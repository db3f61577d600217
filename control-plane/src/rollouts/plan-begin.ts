import { isUnderWay, type HostView, type Rollout, type WaveStanding } from "./model.ts";
import type { PlannedHost } from "./plan-steps.ts";
import { keptByWindow } from "./plan-windows.ts";

/**
 * Begins hosts of the waves that have begun, earlier waves first, as far as the limits, the windows and a pause allow;
 * the others learn what they wait for.
 */
export function beginHosts(
  rollout: Rollout,
  waves: readonly WaveStanding[],
  hosts: readonly PlannedHost[],
  views: ReadonlyMap<string, HostView>,
): PlannedHost[] {
  const room = roomOf(rollout, waves, hosts);
  const after = new Map<PlannedHost, PlannedHost>();
  const waiting = hosts.filter((host) => mayBegin(host, views));
  const inOrder = waiting.toSorted((a, b) => a.wave - b.wave || Number(leaves(a)) - Number(leaves(b)));
  for (const host of inOrder) after.set(host, begunOrKept(rollout, waves, host, views.get(host.hostId), room));
  return hosts.map((host) => after.get(host) ?? withoutWindow(host));
}

interface Room {
  readonly take: (wave: number) => string | undefined;
}

const leaves = (host: PlannedHost): boolean => host.action === "remove";

function mayBegin(host: PlannedHost, views: ReadonlyMap<string, HostView>): boolean {
  const isUnbegun = host.state === "pending" && host.generation === undefined && host.away === undefined;
  return isUnbegun && views.get(host.hostId)?.reach === "reached";
}

function begunOrKept(
  rollout: Rollout,
  waves: readonly WaveStanding[],
  host: PlannedHost,
  view: HostView | undefined,
  room: Room,
): PlannedHost {
  const kept = (why: NonNullable<PlannedHost["kept"]>, cause: string): PlannedHost => ({
    ...withoutWindow(host),
    kept: why,
    cause,
  });
  if (waves[host.wave - 1]?.startedAt === undefined) return kept("wave", `wave ${host.wave} has not begun`);
  if (rollout.paused !== undefined) return kept("pause", "the rollout is paused");
  const window = view && keptByWindow(rollout, view);
  if (window !== undefined) {
    const { cause, opensAt } = window;
    return { ...kept("window", cause), ...(opensAt === undefined ? {} : { windowOpensAt: opensAt, wakeAt: opensAt }) };
  }
  const full = room.take(host.wave);
  if (full !== undefined) return kept("limit", full);
  // Drift that is only reported, or what its healing gave up, is put right by a deployment of the same revision.
  const again = view?.stack?.converged === false ? { again: true as const } : {};
  return { ...withoutWindow(host), state: "applying", cause: "begun", begins: true, ...again };
}

function withoutWindow(host: PlannedHost): PlannedHost {
  if (host.windowOpensAt === undefined) return host;
  const { windowOpensAt: _, ...rest } = host;
  return rest;
}

/** `take` takes a place in the wave, or says why there is none. */
function roomOf(rollout: Rollout, waves: readonly WaveStanding[], hosts: readonly PlannedHost[]): Room {
  const { maxParallel } = rollout.strategy;
  const ofWave = new Map<number, number>();
  let total = 0;
  for (const host of hosts) {
    if (!isUnderWay(host.state)) continue;
    total++;
    ofWave.set(host.wave, (ofWave.get(host.wave) ?? 0) + 1);
  }
  return {
    take: (wave) => {
      const own = waves[wave - 1]?.maxParallel ?? 0;
      const taken = ofWave.get(wave) ?? 0;
      if (maxParallel > 0 && total >= maxParallel) return `waits until fewer than ${maxParallel} hosts are under way`;
      if (own > 0 && taken >= own) return `waits until fewer than ${own} hosts of wave ${wave} are under way`;
      total++;
      ofWave.set(wave, taken + 1);
      return undefined;
    },
  };
}
