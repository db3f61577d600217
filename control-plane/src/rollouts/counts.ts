import { sql } from "kysely";
import type { UnitOfWork } from "../platform/index.ts";
import { isUnderWay, type RolloutHost, type RolloutHostState } from "./model.ts";

/** How many hosts stand where; of a rollout or of one of its waves. */
export interface HostCounts {
  readonly total: number;
  readonly pending: number;
  readonly notReached: number;
  readonly underWay: number;
  readonly succeeded: number;
  readonly failed: number;
  readonly rolledBack: number;
}

export interface RolloutCounts extends HostCounts {
  /** Wave n is at n - 1; waves without a host may be missing. */
  readonly waves: readonly HostCounts[];
}

interface Tally {
  readonly wave: number;
  readonly state: RolloutHostState;
  readonly hosts: number;
}

export const noCounts: HostCounts = {
  total: 0,
  pending: 0,
  notReached: 0,
  underWay: 0,
  succeeded: 0,
  failed: 0,
  rolledBack: 0,
};

/** Rollout → how many of its hosts stand where. */
export async function countHosts(tx: UnitOfWork, rolloutIds: readonly string[]): Promise<Map<string, RolloutCounts>> {
  if (rolloutIds.length === 0) return new Map();
  const { rows } = await sql<{ rollout_id: string; wave: number; state: RolloutHostState; hosts: bigint }>`
    SELECT rollout_id, wave, state, count(*) AS hosts FROM rollout_hosts
    WHERE rollout_id = ANY(${[...rolloutIds]}::text[]) GROUP BY rollout_id, wave, state`.execute(tx.queries);
  const tallies = Map.groupBy(rows, (row) => row.rollout_id);
  return new Map(
    [...tallies].map(([rolloutId, own]) => [
      rolloutId,
      countTallies(own.map(({ wave, state, hosts }) => ({ wave, state, hosts: Number(hosts) }))),
    ]),
  );
}

export function countsOf(hosts: readonly RolloutHost[]): RolloutCounts {
  return countTallies(hosts.map(({ wave, state }) => ({ wave, state, hosts: 1 })));
}

function countTallies(tallies: readonly Tally[]): RolloutCounts {
  const byWave = Map.groupBy(tallies, (tally) => tally.wave);
  const last = Math.max(0, ...byWave.keys());
  const waves = Array.from({ length: last }, (_, i) => sum(byWave.get(i + 1) ?? []));
  return { ...sum(tallies), waves };
}

function sum(tallies: readonly Tally[]): HostCounts {
  const count = (wanted: (state: RolloutHostState) => boolean): number =>
    tallies.reduce((total, { state, hosts }) => (wanted(state) ? total + hosts : total), 0);
  return {
    total: count(() => true),
    pending: count((state) => state === "pending"),
    notReached: count((state) => state === "not-reached"),
    underWay: count((state) => isUnderWay(state) || state === "rolling-back"),
    succeeded: count((state) => state === "succeeded"),
    failed: count((state) => state === "failed" || state === "rollback-failed"),
    rolledBack: count((state) => state === "rolled-back"),
  };
}
