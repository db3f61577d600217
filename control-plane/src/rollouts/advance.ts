import type { Clock, NewId, UnitOfWork } from "../platform/index.ts";
import { lockStack } from "../stacks/index.ts";
import type { Standing } from "./after-plan.ts";
import { applyPlan } from "./apply.ts";
import { lookAtHosts, type LookParts } from "./look.ts";
import { isEnded } from "./model.ts";
import { planRollout } from "./plan.ts";
import { insertRollout, readRollout, readStackOf, writeStanding, type StoredRollout } from "./store.ts";
import { insertHosts, readHosts, writeHosts } from "./store-hosts.ts";
import { tellRollout } from "./tell.ts";

export interface AdvanceParts extends LookParts {
  readonly clock: Clock;
  readonly newId: NewId;
  /** The term of this installation's desired states. */
  readonly term: bigint;
}

// A begun host may have the revision already and be done in the next round, which may begin the next wave: so many
// waves are gone through at once, and the rest at once after it.
const ROUNDS = 8;

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
  await tellRollout(tx, before, standing, { newId: parts.newId, at: parts.clock.now() });
  return { rollout: standing.rollout, ...(wakeAt === undefined ? {} : { wakeAt }) };
}

/** The same for a rollout that is not stored yet; its stack is locked by the caller. */
export async function openRollout(tx: UnitOfWork, before: Standing, parts: AdvanceParts): Promise<Standing> {
  const { standing, wakeAt } = await play(tx, before, parts);
  await insertRollout(tx, { ...standing.rollout, ...(wakeAt === undefined ? {} : { wakeAt: new Date(wakeAt) }) });
  const { id: rolloutId, organizationId } = before.rollout;
  await insertHosts(tx, { rolloutId, organizationId }, standing.hosts);
  await tellRollout(tx, before, standing, { newId: parts.newId, at: parts.clock.now() });
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
  let views = await lookAtHosts(tx, standing, parts, parts.clock.now());
  for (let round = 0; ; round++) {
    const now = parts.clock.now();
    const plan = planRollout(standing.rollout, standing.hosts, views, now.getTime());
    ({ wakeAt } = plan);
    if (plan.steps.length === 0) break;
    // More is to be done at once: whoever keeps rollouts going takes it up again.
    if (round === ROUNDS) return { standing, wakeAt: now.getTime() };
    standing = await applyPlan(tx, standing, plan, { now, term: parts.term });
    // Hosts that had ended go back as well.
    if (plan.steps.some((step) => step.op === "start-rollback")) views = await lookAtHosts(tx, standing, parts, now);
  }
  return { standing, wakeAt };
}

const dateOf = (ms: number | undefined): Date | undefined => (ms === undefined ? undefined : new Date(ms));
