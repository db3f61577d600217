import { recordEvent } from "../events/index.ts";
import { commonErrors, ProblemError, requirePermission, type Caller, type UnitOfWork } from "../platform/index.ts";
import { playUpdate } from "./advance.ts";
import { updatesErrors } from "./errors.ts";
import { updateOpened } from "./events.ts";
import { isUpdateEnded, type UpdateHost } from "./model.ts";
import type { UpdatesParts } from "./parts.ts";
import { retriedHosts } from "./retry.ts";
import { readHosts, readTaken, writeHosts } from "./store-hosts.ts";
import { lockUpdates, readUpdate, type StoredUpdate } from "./store.ts";

/** What people do to an update that there is. Each is written to the audit trail and to the history. */
export interface UpdateActs {
  pause(caller: Caller, updateId: string, reason: string): Promise<StoredUpdate>;
  resume(caller: Caller, updateId: string): Promise<StoredUpdate>;
  /** @param wave 1-based: the one that waits */
  approve(caller: Caller, updateId: string, wave: number): Promise<StoredUpdate>;
  /** Tries failed hosts again, also of one that had failed; hosts that a newer update has meanwhile are left to that. */
  retry(caller: Caller, updateId: string, reason: string): Promise<StoredUpdate>;
  cancel(caller: Caller, updateId: string, reason: string): Promise<StoredUpdate>;
}

interface Standing {
  readonly update: StoredUpdate;
  readonly hosts: readonly UpdateHost[];
}
interface Act {
  readonly verb: string;
  /** e.g. "paused", for the history. */
  readonly done: string;
  readonly detail: Record<string, unknown>;
}

export function createUpdateActs(parts: UpdatesParts): UpdateActs {
  const { database, audit, clock, newId } = parts;

  /** Locks, changes, goes on with the update, and tells who did it. */
  function act(
    caller: Caller,
    updateId: string,
    { verb, done, detail }: Act,
    change: (tx: UnitOfWork, standing: Standing) => Promise<Standing> | Standing,
  ): Promise<StoredUpdate> {
    return database.inOrganization(caller, async (tx) => {
      const { organizationId } = caller;
      await lockUpdates(tx, organizationId);
      const update = await readUpdate(tx, updateId, "lock");
      if (update === undefined)
        throw new ProblemError({ code: commonErrors.WF_NOT_FOUND, detail: `there is no update ${updateId}` });
      const changed = await change(tx, { update, hosts: await readHosts(tx, updateId) });
      await recordEvent(tx, {
        id: newId("evt"),
        organizationId,
        at: clock.now(),
        type: `update.${done}`,
        message: `Update of agents to ${update.release.version}: ${done} by ${caller.name}.`,
        severity: "info",
        actor: caller.name,
      });
      const played = await playUpdate(tx, changed, parts);
      const target = { targetKind: "agent_update", targetId: updateId };
      await audit.record(tx, caller, { action: `updates.${verb}`, ...target, detail });
      tx.emit(updateOpened, { organizationId, updateId });
      return played.update;
    });
  }

  return {
    pause: (caller, updateId, reason) =>
      act(caller, updateId, { verb: "pause", done: "paused", detail: { reason } }, (_tx, standing) => {
        requireOpen(standing.update);
        return { ...standing, update: { ...standing.update, paused: { by: caller.name, reason } } };
      }),
    resume: (caller, updateId) =>
      act(caller, updateId, { verb: "resume", done: "resumed", detail: {} }, (_tx, { update, hosts }) => {
        requireOpen(update);
        const { paused: _paused, ...rest } = update;
        return { update: rest, hosts };
      }),
    approve: async (caller, updateId, wave) => {
      // As with rollouts: who may begin an update is not by that who lets it go on.
      requirePermission(caller, "rollouts.approve");
      return act(
        caller,
        updateId,
        { verb: "approve", done: "approved", detail: { wave } },
        (_tx, { update, hosts }) => {
          requireOpen(update);
          return { update: { ...update, waves: approvedWaves(update, wave, caller.name, clock.now()) }, hosts };
        },
      );
    },
    cancel: (caller, updateId, reason) =>
      act(caller, updateId, { verb: "cancel", done: "stopped", detail: { reason } }, (_tx, standing) => {
        requireOpen(standing.update);
        return { ...standing, update: { ...standing.update, cancelReason: reason } };
      }),
    retry: (caller, updateId, reason) =>
      act(caller, updateId, { verb: "retry", done: "retried", detail: { reason } }, async (tx, { update, hosts }) => {
        if (isUpdateEnded(update.state) && update.state !== "failed" && update.state !== "succeeded")
          throw hasEnded(update);
        const { changed } = retriedHosts(hosts);
        const taken = new Set(
          (
            await readTaken(
              tx,
              changed.map((host) => host.hostId),
            )
          ).map((one) => one.hostId),
        );
        const own = new Map(changed.filter((host) => !taken.has(host.hostId)).map((host) => [host.hostId, host]));
        if (own.size === 0) throw new ProblemError({ code: updatesErrors.WF_UPDATE_NOTHING_FAILED });
        await writeHosts(tx, updateId, [...own.values()]);
        const { endedAt: _ended, ...rest } = update;
        return {
          update: { ...rest, state: "running", cause: "it goes on" },
          hosts: hosts.map((host) => own.get(host.hostId) ?? host),
        };
      }),
  };
}

function requireOpen(update: StoredUpdate): void {
  if (isUpdateEnded(update.state)) throw hasEnded(update);
}

function hasEnded({ state, cause }: StoredUpdate): ProblemError {
  return new ProblemError({ code: updatesErrors.WF_UPDATE_ENDED, detail: `it is ${state}: ${cause}` });
}

function approvedWaves(update: StoredUpdate, number: number, by: string, at: Date): StoredUpdate["waves"] {
  const wave = update.waves[number - 1];
  const isAsked = wave?.askedAt !== undefined && wave.approvedAt === undefined && wave.startedAt === undefined;
  if (!isAsked) {
    const detail = `wave ${number} of ${update.waves.length}; the update: ${update.cause}`;
    throw new ProblemError({ code: updatesErrors.WF_UPDATE_WAVE_NOT_WAITING, detail });
  }
  const approval = { approvedBy: by, approvedAt: at.getTime() };
  return update.waves.map((one, i) => (i === number - 1 ? { ...one, ...approval } : one));
}
