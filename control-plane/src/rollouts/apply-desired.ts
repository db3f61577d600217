import type { UnitOfWork } from "../platform/index.ts";
import { readDigest } from "../stacks/index.ts";
import { emitDesiredStates } from "./events.ts";
import { attemptOf, type Generation } from "./model.ts";
import type { StoredRollout } from "./store.ts";
import { changeDesired, type DesiredChange, type WantedRevision } from "./store-desired.ts";
import type { StoredRolloutHost } from "./store-hosts.ts";

/** `term`: of this installation's desired states. */
export interface WritingAt {
  readonly now: Date;
  readonly term: bigint;
}

/** Changes the desired state of the hosts that are begun: those that want the same, in one go. */
export async function beginDesired(
  tx: UnitOfWork,
  rollout: StoredRollout,
  hosts: readonly { readonly host: StoredRolloutHost; readonly again: boolean }[],
  at: WritingAt,
): Promise<Map<string, Generation>> {
  const { revision, bodyDigest, recreateVolumes, strategy, overrideLocalHolds } = rollout;
  const all = new Map<string, Generation>();
  const alike = Map.groupBy(hosts, ({ host, again }) => `${host.action} ${host.retries} ${again}`);
  for (const members of alike.values()) {
    const [{ host: first, again } = {}] = members;
    if (first === undefined) continue;
    const want: DesiredChange["want"] =
      first.action === "remove"
        ? "nothing"
        : {
            revision,
            bodyDigest,
            attempt: attemptOf(rollout, first),
            recreateVolumes,
            probes: strategy.gate.probes,
            overrideHold: overrideLocalHolds,
          };
    const ids = members.map(({ host }) => host.hostId);
    const told = await change(tx, rollout, ids, { want, again: again === true }, at);
    for (const [hostId, generation] of told) all.set(hostId, generation);
  }
  return all;
}

/** Wants again what ran on each host before the rollout. */
export async function restoreDesired(
  tx: UnitOfWork,
  rollout: StoredRollout,
  hosts: readonly StoredRolloutHost[],
  at: WritingAt,
): Promise<Map<string, Generation>> {
  const all = new Map<string, Generation>();
  const groups = Map.groupBy(hosts, ({ previousRevision, retries }) => `${previousRevision} ${retries}`);
  for (const members of groups.values()) {
    const [first] = members;
    if (first === undefined) continue;
    const want = await previous(tx, rollout, first);
    const ids = members.map((host) => host.hostId);
    const told = await change(tx, rollout, ids, { want, again: false }, at);
    for (const [hostId, generation] of told) all.set(hostId, generation);
  }
  return all;
}

async function previous(
  tx: UnitOfWork,
  rollout: StoredRollout,
  host: StoredRolloutHost,
): Promise<WantedRevision | "nothing"> {
  const revision = host.previousRevision;
  const bodyDigest = await readDigest(tx, rollout.stackId, revision);
  if (bodyDigest === undefined) return "nothing";
  const attempt = attemptOf(rollout, host, true);
  const overrideHold = rollout.overrideLocalHolds;
  return { revision, bodyDigest, attempt, recreateVolumes: [], probes: [], overrideHold };
}

async function change(
  tx: UnitOfWork,
  { organizationId, stackId }: StoredRollout,
  hostIds: readonly string[],
  wanted: Pick<DesiredChange, "want" | "again">,
  { term, now }: WritingAt,
): Promise<Map<string, Generation>> {
  const { generations, changed } = await changeDesired(tx, hostIds, {
    ...wanted,
    organizationId,
    stackId,
    term,
    at: now,
  });
  emitDesiredStates(tx, { organizationId, hostIds: changed, sameRevisions: false });
  return generations;
}
