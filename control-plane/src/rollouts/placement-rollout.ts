import type { UnitOfWork } from "../platform/index.ts";
import type { DeployableRevision, Stack } from "../stacks/index.ts";
import { advanceRollout, type AdvanceParts } from "./advance.ts";
import { rolloutOpened } from "./events.ts";
import { newRollout, openNew, type Maker, type NewRollout } from "./open.ts";
import type { WaveCandidate } from "./plan-waves.ts";
import { chooseStrategy } from "./service-strategy.ts";
import { readOpenRolloutOf, type StoredRollout } from "./store.ts";
import { readStackOnHosts } from "./store-previous.ts";
import { insertHosts, readHosts, writeHosts, type StoredRolloutHost } from "./store-hosts.ts";
import { newHost } from "./targets.ts";

/** Hosts that a stack has to come to, or to leave, although nobody starts a rollout. */
export interface PlacementChange {
  readonly stack: Stack;
  /** What comes to them when no rollout is under way; its own revision does otherwise. */
  readonly revision: DeployableRevision;
  readonly come: readonly Pick<WaveCandidate, "hostId" | "hostName" | "labels">[];
  readonly leave: readonly Pick<WaveCandidate, "hostId" | "hostName">[];
  /** Why, for the history. */
  readonly reason: string;
}

/**
 * Brings the stack to the hosts that come and takes it off those that leave, in the caller's transaction that holds the
 * stack: in the last wave of the deployment that is under way, or by a rollout of their own with the stack's strategy.
 * Returns the rollout; undefined when it knows all of it already.
 */
export async function changeHosts(
  tx: UnitOfWork,
  parts: AdvanceParts,
  change: PlacementChange,
  maker: Maker,
): Promise<string | undefined> {
  const candidates = [
    ...change.come.map((host): WaveCandidate => ({ ...host, action: "deploy" })),
    ...change.leave.map((host): WaveCandidate => ({ ...host, labels: {}, action: "remove" })),
  ];
  if (candidates.length === 0) return undefined;
  const open = await readOpenRolloutOf(tx, change.stack.id);
  // One that goes back, or takes the stack away, is not a way to bring it anywhere.
  if (open?.kind === "remove") return undefined;
  if (open !== undefined && open.rollBackReason === undefined) return addHosts(tx, parts, open, candidates);
  const { rollout } = await openNew(tx, parts, maker, placementRollout(change), candidates);
  return rollout.id;
}

function placementRollout({ stack, revision, reason }: PlacementChange): NewRollout {
  return newRollout(stack, {
    kind: "deploy",
    revision: revision.number,
    bodyDigest: revision.bodyDigest,
    strategy: chooseStrategy(stack, undefined),
    origin: "placement",
    reason,
  });
}

async function addHosts(
  tx: UnitOfWork,
  parts: AdvanceParts,
  rollout: StoredRollout,
  candidates: readonly WaveCandidate[],
): Promise<string | undefined> {
  const known = new Map((await readHosts(tx, rollout.id)).map((host) => [host.hostId, host]));
  const running = await readStackOnHosts(tx, rollout.stackId);
  const wave = rollout.waves.length;
  const added: StoredRolloutHost[] = [];
  const turned: StoredRolloutHost[] = [];
  for (const candidate of candidates) {
    const host = known.get(candidate.hostId);
    const fresh = newHost(candidate, wave, running.get(candidate.hostId));
    if (host === undefined) added.push(fresh);
    // It was to go the other way, or was given up when it left: it begins anew, as another attempt.
    else if (host.action !== candidate.action || host.state === "cancelled") {
      const { previousRevision, startedAt } = host;
      const begun = startedAt === undefined ? {} : { startedAt, touched: true };
      turned.push({ ...fresh, previousRevision, retries: host.retries + 1, ...begun });
    }
  }
  if (added.length + turned.length === 0) return undefined;
  const { id: rolloutId, organizationId } = rollout;
  await insertHosts(tx, { rolloutId, organizationId }, added);
  await writeHosts(tx, rolloutId, turned);
  await advanceRollout(tx, rolloutId, parts);
  tx.emit(rolloutOpened, { organizationId, rolloutId });
  return rolloutId;
}
