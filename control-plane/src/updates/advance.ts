import { announce } from "../events/index.ts";
import type { Clock, NewId, UnitOfWork } from "../platform/index.ts";
import { waveRules } from "../rollouts/index.ts";
import { updateTouched, wantedAgentChanged } from "./events.ts";
import { lookAtHosts } from "./look.ts";
import { isUpdateEnded, isWanted, type UpdateHost } from "./model.ts";
import { planUpdate } from "./plan.ts";
import { readHosts, writeHosts } from "./store-hosts.ts";
import { readUpdate, writeUpdate, type StoredUpdate } from "./store.ts";
import { tellHosts, tellUpdate } from "./tell.ts";

export interface AdvanceParts {
  readonly clock: Clock;
  readonly newId: NewId;
  /** Since when this process listens to hosts, milliseconds since 1970. */
  readonly listeningSince: number;
}

// A host that is begun may run the release already and be done in the next round, which may begin the next wave.
const ROUNDS = 8;

/**
 * Brings an update as far as what is known allows, in the caller's transaction, which holds its row. Nothing is kept outside
 * of it, so a crash anywhere ends in the same place. Undefined when it is not there.
 */
export async function advanceUpdate(
  tx: UnitOfWork,
  updateId: string,
  parts: AdvanceParts,
): Promise<{ update: StoredUpdate; wakeAt?: number } | undefined> {
  const update = await readUpdate(tx, updateId, "lock");
  if (update === undefined || isUpdateEnded(update.state)) return update === undefined ? undefined : { update };
  return playUpdate(tx, { update, hosts: await readHosts(tx, updateId) }, parts);
}

export interface Standing {
  readonly update: StoredUpdate;
  readonly hosts: readonly UpdateHost[];
}

/** The same from a standing whose rows are stored and held. */
export async function playUpdate(
  tx: UnitOfWork,
  before: Standing,
  parts: AdvanceParts,
): Promise<{ update: StoredUpdate; wakeAt?: number }> {
  let { update, hosts } = before;
  let wakeAt: number | undefined;
  const now = parts.clock.now();
  const { organizationId } = update;
  const views = await lookAtHosts(tx, organizationId, hosts, { now, listeningSince: parts.listeningSince });
  for (let round = 0; ; round++) {
    const plan = planUpdate(update, hosts, views, now.getTime(), waveRules);
    ({ update, hosts, wakeAt } = { wakeAt: undefined, ...plan });
    if (plan.steps.length === 0) break;
    if (round === ROUNDS) {
      // More is to be done at once: whoever keeps updates going takes it up again.
      wakeAt = now.getTime();
      break;
    }
  }
  const known = new Set(before.hosts);
  const changed = hosts.filter((host) => !known.has(host));
  await writeHosts(tx, update.id, changed);
  await writeUpdate(tx, update, wakeAt);
  await tellHosts(tx, update, before.hosts, changed, { newId: parts.newId, now });
  const wantedBefore = new Set(before.hosts.filter(isWanted).map((host) => host.hostId));
  for (const host of changed) {
    if (isWanted(host) !== wantedBefore.has(host.hostId))
      tx.emit(wantedAgentChanged, { organizationId, hostId: host.hostId });
  }
  await tellUpdate(tx, before.update, update, { newId: parts.newId, now });
  if (changed.length > 0 || update !== before.update) {
    tx.emit(updateTouched, { organizationId, updateId: update.id });
    announce(tx, { organizationId, kind: "agent_update", id: update.id, change: "updated", at: now });
  }
  return { update, ...(wakeAt === undefined ? {} : { wakeAt }) };
}
