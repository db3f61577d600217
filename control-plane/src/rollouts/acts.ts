import { recordEvent } from "../events/index.ts";
import { commonErrors, ProblemError, type Caller, type UnitOfWork } from "../platform/index.ts";
import { lockStack, readDeployable } from "../stacks/index.ts";
import { advanceRollout } from "./advance.ts";
import { requireAllowed } from "./allowed.ts";
import { rolloutsErrors } from "./errors.ts";
import { rolloutOpened } from "./events.ts";
import { isEnded } from "./model.ts";
import type { RolloutsParts } from "./parts.ts";
import { retriedHosts } from "./retry.ts";
import { readNewestId, readRollout, readStackOf, writeWish, type RolloutWish, type StoredRollout } from "./store.ts";
import { readHosts, writeHosts } from "./store-hosts.ts";

/** What people do to a rollout that there is. Each is written to the audit trail and to the history. */
export interface RolloutActs {
  cancel(caller: Caller, rolloutId: string, reason: string): Promise<StoredRollout>;
  /** Begins no further host until it is resumed; hosts under way go on. */
  pause(caller: Caller, rolloutId: string, reason: string): Promise<StoredRollout>;
  resume(caller: Caller, rolloutId: string): Promise<StoredRollout>;
  /** @param wave 1-based: the one that waits */
  approve(caller: Caller, rolloutId: string, wave: number): Promise<StoredRollout>;
  /** Begins failed hosts again (none named: all of them), also of a rollout that had failed. */
  retry(caller: Caller, rolloutId: string, hostIds: readonly string[]): Promise<StoredRollout>;
  /** Brings every touched host back to its own previous revision; of one under way, paused or failed. */
  rollBack(caller: Caller, rolloutId: string, reason: string): Promise<StoredRollout>;
}

interface Act {
  /** e.g. "pause". */
  readonly verb: string;
  /** e.g. "paused", for the history. */
  readonly done: string;
  readonly detail: Record<string, unknown>;
}

export function createRolloutActs(parts: RolloutsParts): RolloutActs {
  const { database, audit, clock, newId } = parts;

  /** Locks, lets `wish` say what is to be written, goes on with the rollout, and tells who did it. */
  function act(
    caller: Caller,
    rolloutId: string,
    { verb, done, detail }: Act,
    wish: (tx: UnitOfWork, rollout: StoredRollout) => Promise<RolloutWish> | RolloutWish,
  ): Promise<StoredRollout> {
    return database.inOrganization(caller, async (tx) => {
      const rollout = await holdRollout(tx, rolloutId);
      await writeWish(tx, rolloutId, await wish(tx, rollout));
      const { organizationId } = caller;
      const { stackId, stackName } = rollout;
      await recordEvent(tx, {
        id: newId("evt"),
        organizationId,
        at: clock.now(),
        type: `rollout.${done}`,
        message: `${stackName}, ${rollout.kind === "remove" ? "removal" : `revision ${rollout.revision}`}: ${done} by ${caller.name}.`,
        severity: "info",
        actor: caller.name,
        stackId,
      });
      const advanced = await advanceRollout(tx, rolloutId, parts);
      const target = { targetKind: "rollout", targetId: rolloutId };
      await audit.record(tx, caller, { action: `rollouts.${verb}`, ...target, detail: { stackId, ...detail } });
      tx.emit(rolloutOpened, { organizationId, rolloutId });
      return advanced?.rollout ?? rollout;
    });
  }

  return {
    cancel: (caller, rolloutId, reason) =>
      act(caller, rolloutId, { verb: "cancel", done: "stopped", detail: { reason } }, (_tx, rollout) => {
        requireOpen(rollout);
        return { cancelReason: reason };
      }),
    pause: (caller, rolloutId, reason) =>
      act(caller, rolloutId, { verb: "pause", done: "paused", detail: { reason } }, (_tx, rollout) => {
        requireForward(rollout);
        return { paused: { by: caller.name, reason } };
      }),
    resume: (caller, rolloutId) =>
      act(caller, rolloutId, { verb: "resume", done: "resumed", detail: {} }, (_tx, rollout) => {
        requireForward(rollout);
        return { paused: null };
      }),
    approve: (caller, rolloutId, wave) =>
      act(caller, rolloutId, { verb: "approve", done: "approved", detail: { wave } }, (_tx, rollout) => {
        requireForward(rollout);
        return { waves: approvedWaves(rollout, wave, caller.name, clock.now()) };
      }),
    retry: (caller, rolloutId, hostIds) =>
      act(caller, rolloutId, { verb: "retry", done: "retried", detail: { hostIds } }, async (tx, rollout) => {
        await requireCurrent(tx, rollout);
        await requireRetry(tx, caller, rollout);
        const hosts = await readHosts(tx, rolloutId);
        const { changed, failedLeft } = retriedHosts(rollout, hosts, new Set(hostIds));
        if (changed.length === 0) throw new ProblemError({ code: rolloutsErrors.WF_ROLLOUT_NOTHING_FAILED });
        await writeHosts(tx, rolloutId, changed);
        return { excusedFailures: failedLeft, ...(isEnded(rollout.state) ? { reopen: true } : {}) };
      }),
    rollBack: (caller, rolloutId, reason) =>
      act(caller, rolloutId, { verb: "rollBack", done: "sent-back", detail: { reason } }, async (tx, rollout) => {
        await requireCurrent(tx, rollout);
        if (rollout.rollBackReason !== undefined) throw goesBack(rollout);
        const rollBackReason = `${caller.name} rolled it back${reason === "" ? "" : `: ${reason}`}`;
        return { rollBackReason, paused: null, ...(isEnded(rollout.state) ? { reopen: true } : {}) };
      }),
  };
}

// The stack first, as everybody who works on a rollout does: two orders would lock each other out.
async function holdRollout(tx: UnitOfWork, rolloutId: string): Promise<StoredRollout> {
  const stackId = await readStackOf(tx, rolloutId);
  if (stackId !== undefined) await lockStack(tx, stackId);
  const rollout = await readRollout(tx, rolloutId, "lock");
  if (rollout !== undefined) return rollout;
  throw new ProblemError({ code: commonErrors.WF_NOT_FOUND, detail: `there is no rollout ${rolloutId}` });
}

function requireOpen(rollout: StoredRollout): void {
  if (isEnded(rollout.state)) throw hasEnded(rollout);
}

function requireForward(rollout: StoredRollout): void {
  requireOpen(rollout);
  if (rollout.rollBackReason !== undefined) throw goesBack(rollout);
}

/** Under way, or failed with nothing newer: its hosts still stand as it left them. */
async function requireCurrent(tx: UnitOfWork, rollout: StoredRollout): Promise<void> {
  if (!isEnded(rollout.state)) return;
  if (rollout.state !== "failed") throw hasEnded(rollout);
  const newest = await readNewestId(tx, rollout.stackId);
  if (newest === rollout.id) return;
  throw new ProblemError({ code: rolloutsErrors.WF_ROLLOUT_NEWER, detail: `the newest is ${newest ?? "gone"}` });
}

/** What is tried again is what was started: it takes the same rights. Going back takes none more. */
async function requireRetry(tx: UnitOfWork, caller: Caller, rollout: StoredRollout): Promise<void> {
  if (rollout.rollBackReason !== undefined) return;
  if (rollout.kind === "remove") {
    // The stack stays when its removal fails: deleting it again is the next try.
    if (isEnded(rollout.state)) throw hasEnded(rollout);
    return;
  }
  const { stack, revision } = await readDeployable(tx, rollout.stackId, rollout.revision);
  requireAllowed(caller, stack, revision);
}

function hasEnded({ state, cause }: StoredRollout): ProblemError {
  return new ProblemError({ code: rolloutsErrors.WF_ROLLOUT_ENDED, detail: `it is ${state}: ${cause}` });
}

function goesBack({ cause }: StoredRollout): ProblemError {
  return new ProblemError({ code: rolloutsErrors.WF_ROLLOUT_GOES_BACK, detail: cause });
}

function approvedWaves(rollout: StoredRollout, number: number, by: string, at: Date): StoredRollout["waves"] {
  const wave = rollout.waves[number - 1];
  const isAsked = wave?.askedAt !== undefined && wave.approvedAt === undefined && wave.startedAt === undefined;
  if (!isAsked) {
    const detail = `wave ${number} of ${rollout.waves.length}; the rollout: ${rollout.cause}`;
    throw new ProblemError({ code: rolloutsErrors.WF_ROLLOUT_WAVE_NOT_WAITING, detail });
  }
  const approval = { approvedBy: by, approvedAt: at.getTime() };
  return rollout.waves.map((one, i) => (i === number - 1 ? { ...one, ...approval } : one));
}
