import { announce, recordEvent } from "../events/index.ts";
import type { UnitOfWork } from "../platform/index.ts";
import type { Stack } from "../stacks/index.ts";
import { advanceRollout, openRollout, type AdvanceParts } from "./advance.ts";
import type { Standing } from "./after-plan.ts";
import { rolloutOpened } from "./events.ts";
import { isEnded } from "./model.ts";
import type { WaveCandidate } from "./plan-waves.ts";
import { readOpenRolloutOf, writeWish, type RolloutWish, type StoredRollout } from "./store.ts";
import { readNewHosts } from "./targets.ts";

/** What is to be rolled out, and how. */
export type NewRollout = Pick<
  StoredRollout,
  | "stackId"
  | "stackName"
  | "kind"
  | "revision"
  | "bodyDigest"
  | "strategy"
  | "recreateVolumes"
  | "origin"
  | "reason"
  | "ignoreWindows"
  | "overrideLocalHolds"
>;

/** What every rollout of a stack has; nothing out of the ordinary unless told. */
export function newRollout(
  { id: stackId, name: stackName }: Stack,
  what: Pick<NewRollout, "kind" | "revision" | "bodyDigest" | "strategy" | "origin" | "reason"> & Partial<NewRollout>,
): NewRollout {
  return { stackId, stackName, recreateVolumes: [], ignoreWindows: false, overrideLocalHolds: false, ...what };
}

/** Who makes it: a caller, or the control plane itself. */
export interface Maker {
  readonly organizationId: string;
  readonly name: string;
}

/**
 * Makes a rollout and takes its first steps, in the caller's transaction that holds the stack: hosts hear of it with
 * the commit. One of the same stack that is under way is superseded.
 * @param short what placement is short of; empty when nothing is
 */
export async function openNew(
  tx: UnitOfWork,
  parts: AdvanceParts,
  maker: Maker,
  wanted: NewRollout,
  candidates: readonly WaveCandidate[],
  short = "",
): Promise<Standing> {
  const { organizationId } = maker;
  const at = parts.clock.now();
  const id = parts.newId("rol");
  await stopOpen(tx, parts, wanted.stackId, { supersededBy: id });
  // After the one before was stopped: what it did not bring about is nothing to go back to.
  const { waves, hosts } = await readNewHosts(tx, wanted.stackId, wanted.strategy, candidates);
  const rollout: StoredRollout = {
    ...wanted,
    id,
    organizationId,
    waves,
    excusedFailures: 0,
    state: "pending",
    cause: "not begun yet",
    createdBy: maker.name,
    createdAt: at,
  };
  announce(tx, { organizationId, kind: "rollout", id, parentId: rollout.stackId, change: "created", at });
  const opened = await openRollout(tx, { rollout, hosts }, parts);
  // One that changed nothing is over already, and its end is in the history.
  if (!isEnded(opened.rollout.state)) await recordStart(tx, parts, opened, short);
  tx.emit(rolloutOpened, { organizationId, rolloutId: id });
  return opened;
}

/** Ends the rollout of the stack that is under way, if one is. */
export async function stopOpen(tx: UnitOfWork, parts: AdvanceParts, stackId: string, how: RolloutWish): Promise<void> {
  const running = await readOpenRolloutOf(tx, stackId);
  if (running === undefined) return;
  await writeWish(tx, running.id, how);
  await advanceRollout(tx, running.id, parts);
}

async function recordStart(
  tx: UnitOfWork,
  { newId }: AdvanceParts,
  { rollout, hosts }: Standing,
  short: string,
): Promise<void> {
  const what = rollout.kind === "remove" ? " is taken off" : `: revision ${rollout.revision} goes to`;
  const many = `${hosts.length} ${hosts.length === 1 ? "host" : "hosts"}`;
  const waves = rollout.waves.length > 1 ? ` in ${rollout.waves.length} waves` : "";
  const because = rollout.reason === "" ? "" : ` (${rollout.reason})`;
  await recordEvent(tx, {
    id: newId("evt"),
    organizationId: rollout.organizationId,
    at: rollout.createdAt,
    type: "rollout.started",
    message: `${rollout.stackName}${what} ${many}${waves}${because}${short === "" ? "" : `; ${short}`}.`,
    severity: short === "" ? "info" : "warning",
    actor: rollout.createdBy,
    stackId: rollout.stackId,
  });
}
