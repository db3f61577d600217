import { recordEvent, recordEvents, type IdentifiedEvent } from "../events/index.ts";
import { announceHost, saveAgentUpdates, type HostAgentUpdate } from "../hosts/index.ts";
import type { NewId, UnitOfWork } from "../platform/index.ts";
import { attemptOf, isHostOver, isUpdateEnded, isWanted, type UpdateHost } from "./model.ts";
import type { StoredUpdate } from "./store.ts";

interface At {
  readonly newId: NewId;
  readonly now: Date;
}

/** What a host's own row says of the update; undefined when there is nothing to say any more. */
export function sayOnHost(update: Pick<StoredUpdate, "id" | "release">, host: UpdateHost): HostAgentUpdate | undefined {
  const { state, cause } = host;
  const said = { updateId: update.id, attempt: attemptOf(update.id, host), version: update.release.version, cause };
  if (!isHostOver(state)) return { ...said, state: "under-way", wanted: isWanted(host) };
  if (state === "succeeded" || state === "cancelled") return undefined;
  return { ...said, state: "failed", wanted: false };
}

/** Hosts whose standing changed: on their rows, in their histories where something ended, and to whoever watches them. */
export async function tellHosts(
  tx: UnitOfWork,
  update: StoredUpdate,
  before: readonly UpdateHost[],
  changed: readonly UpdateHost[],
  { newId, now }: At,
): Promise<void> {
  const { organizationId } = update;
  // What a newer update has taken over is said by that one.
  const own = changed.filter((host) => host.supersededBy === undefined);
  await saveAgentUpdates(
    tx,
    organizationId,
    own.map((host) => ({
      hostId: host.hostId,
      update: sayOnHost(update, host),
      proven: host.state === "succeeded" && host.begun,
    })),
  );
  const earlier = new Map(before.map((host) => [host.hostId, host]));
  const moved = own.filter((host) => earlier.get(host.hostId)?.state !== host.state);
  await recordEvents(
    tx,
    moved.flatMap((host) =>
      hostEvents(update, host).map((event) => ({ id: newId("evt"), organizationId, at: now, ...event })),
    ),
  );
  for (const { hostId } of moved) announceHost(tx, { organizationId, hostId }, "updated", now);
}

type Told = Omit<IdentifiedEvent, "id" | "organizationId" | "at">;

function hostEvents({ release, createdBy }: StoredUpdate, host: UpdateHost): Told[] {
  const { hostId, hostName, state, cause, fromVersion, begun } = host;
  const told = { hostId, actor: createdBy };
  const agent = `The agent of host ${hostName}`;
  switch (state) {
    case "sent":
      return [
        { ...told, type: "agent.update", severity: "info", message: `${agent} is to become ${release.version}.` },
      ];
    case "succeeded":
      if (!begun) return [];
      return [
        {
          ...told,
          type: "agent.updated",
          severity: "info",
          message: `${agent} is ${release.version} now, after ${fromVersion}.`,
        },
      ];
    case "reverted":
    case "refused":
    case "timed-out":
      return [
        {
          ...told,
          type: "agent.update-failed",
          severity: "warning",
          message: `${agent} did not become ${release.version}: ${cause}.`,
        },
      ];
    default:
      return [];
  }
}

/** The update itself, in the history: its end, and what a person has to look at. */
export async function tellUpdate(
  tx: UnitOfWork,
  before: StoredUpdate,
  after: StoredUpdate,
  { newId, now }: At,
): Promise<void> {
  if (before.state === after.state) return;
  const asks = after.state === "waiting" && after.waitingFor === "approval";
  if (!isUpdateEnded(after.state) && !asks) return;
  await recordEvent(tx, {
    id: newId("evt"),
    organizationId: after.organizationId,
    at: now,
    type: asks ? "update.waits" : `update.${after.state}`,
    message: `Update of agents to ${after.release.version}: ${after.cause}.`,
    severity: after.state === "failed" ? "error" : asks ? "warning" : "info",
    actor: after.createdBy,
  });
}
