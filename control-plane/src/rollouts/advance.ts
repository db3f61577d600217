import { announce, recordEvent } from "../events/index.ts";
import type { Clock, NewId, UnitOfWork } from "../platform/index.ts";
import { lockStack, stackRolledOut } from "../stacks/index.ts";
import { applyPlan, type Standing } from "./apply.ts";
import { rolloutTouched } from "./events.ts";
import { isEnded, type HostView } from "./model.ts";
import { planRollout } from "./plan.ts";
import type { RolloutSight } from "./ports.ts";
import { insertRollout, readRollout, readStackOf, writeStanding, type StoredRollout } from "./store.ts";
import { insertHosts, readHosts, writeHosts } from "./store-hosts.ts";

export interface AdvanceParts {
  readonly clock: Clock;
  readonly newId: NewId;
  readonly sight: RolloutSight;
  /** The term of this installation's desired states. */
  readonly term: bigint;
  /** Since when this process listens to hosts, milliseconds since 1970: before that it could hear nobody. */
  readonly listeningSince: number;
}

// A begun host may have the revision already and be done in the next round; a third one never changes anything.
const ROUNDS = 4;

/**
 * Brings a rollout as far as what is known allows, in the caller's transaction: look, plan, apply, plan again. Nothing
 * is kept outside of the transaction, so a crash anywhere ends in the same place. Undefined when it is not there.
 */
export async function advanceRollout(
  tx: UnitOfWork,
  rolloutId: string,
  parts: AdvanceParts,
): Promise<{ rollout: StoredRollout; wakeAt?: number } | undefined> {
  const stackId = await readStackOf(tx, rolloutId);
  // The stack first, as everybody who starts a rollout does: two orders would lock each other out.
  if (stackId !== undefined) await lockStack(tx, stackId);
  const rollout = await readRollout(tx, rolloutId, "lock");
  if (rollout === undefined || isEnded(rollout.state)) return rollout === undefined ? undefined : { rollout };
  const before: Standing = { rollout, hosts: await readHosts(tx, rolloutId) };
  const { standing, wakeAt } = await play(tx, before, parts);
  const known = new Set(before.hosts);
  await writeHosts(
    tx,
    rolloutId,
    standing.hosts.filter((host) => !known.has(host)),
  );
  if (standing.rollout !== rollout || wakeAt !== rollout.wakeAt?.getTime()) {
    await writeStanding(tx, rolloutId, { ...standing.rollout, wakeAt: dateOf(wakeAt) });
  }
  await tell(tx, before, standing, parts);
  return { rollout: standing.rollout, ...(wakeAt === undefined ? {} : { wakeAt }) };
}

/** The same for a rollout that is not stored yet; its stack is locked by the caller. */
export async function openRollout(tx: UnitOfWork, before: Standing, parts: AdvanceParts): Promise<Standing> {
  const { standing, wakeAt } = await play(tx, before, parts);
  await insertRollout(tx, { ...standing.rollout, ...(wakeAt === undefined ? {} : { wakeAt: new Date(wakeAt) }) });
  const { id: rolloutId, organizationId } = before.rollout;
  await insertHosts(tx, { rolloutId, organizationId }, standing.hosts);
  await tell(tx, before, standing, parts);
  return standing;
}

async function play(
  tx: UnitOfWork,
  before: Standing,
  parts: AdvanceParts,
): Promise<{ standing: Standing; wakeAt: number | undefined }> {
  let standing = before;
  let wakeAt: number | undefined;
  // What hosts have said does not change with what is written here.
  const views = await look(tx, standing, parts);
  for (let round = 0; round < ROUNDS; round++) {
    const now = parts.clock.now();
    const plan = planRollout(standing.rollout, standing.hosts, views, now.getTime());
    ({ wakeAt } = plan);
    if (plan.steps.length === 0) break;
    standing = await applyPlan(tx, standing, plan, { now, term: parts.term });
  }
  return { standing, wakeAt };
}

const dateOf = (ms: number | undefined): Date | undefined => (ms === undefined ? undefined : new Date(ms));

async function look(tx: UnitOfWork, { rollout, hosts }: Standing, parts: AdvanceParts): Promise<Map<string, HostView>> {
  const ids = hosts.map((host) => host.hostId);
  const views = await parts.sight.viewsOf(tx, rollout.stackId, ids);
  for (const [hostId, view] of views) {
    if (view.reach !== "reached") continue;
    views.set(hostId, { ...view, reachedSince: Math.max(view.reachedSince ?? 0, parts.listeningSince) });
  }
  return views;
}

async function tell(tx: UnitOfWork, before: Standing, standing: Standing, parts: AdvanceParts): Promise<void> {
  if (standing === before) return;
  const { rollout, hosts } = standing;
  const { id, organizationId, stackId } = rollout;
  const at = parts.clock.now();
  tx.emit(rolloutTouched, { organizationId, rolloutId: id });
  announce(tx, { organizationId, kind: "rollout", id, parentId: stackId, change: "updated", at });
  if (before.rollout.state === rollout.state) return;
  announce(tx, { organizationId, kind: "stack", id: stackId, change: "updated", at });
  if (isEnded(rollout.state)) await settle(tx, rollout, hosts.length, at);
  // That it began is in the history already.
  if (rollout.state === "running") return;
  await recordEvent(tx, {
    id: parts.newId("evt"),
    organizationId,
    at,
    type: `rollout.${rollout.state}`,
    message: message(rollout),
    severity: rollout.state === "failed" ? "error" : rollout.state === "waiting" ? "warning" : "info",
    actor: "system",
    stackId,
  });
}

/** What the end of a rollout means for its stack. */
async function settle(tx: UnitOfWork, rollout: StoredRollout, hosts: number, at: Date): Promise<void> {
  const { stackId, kind, revision, state } = rollout;
  // Superseded: the newer rollout says what becomes of the stack.
  if (state === "superseded") return;
  // A stack whose last hosts were revoked has nothing left to be taken off.
  const off = state === "succeeded" || (state === "cancelled" && rollout.cancelReason === undefined && hosts > 0);
  await stackRolledOut(
    tx,
    stackId,
    kind === "deploy" ? { kind, revision, succeeded: state === "succeeded" } : { kind, off },
    at,
  );
}

function message(rollout: StoredRollout): string {
  const what = rollout.kind === "remove" ? "removal" : `revision ${rollout.revision}`;
  return `${rollout.stackName}, ${what}: ${rollout.state}. ${rollout.cause}`;
}
