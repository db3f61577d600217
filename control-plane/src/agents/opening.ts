import { X25519_KEY_BYTES } from "@windflow/core";
import type { Hello } from "@windflow/proto/agent";
import { recordEvent } from "../events/index.ts";
import {
  announceHost,
  boundedCapabilities,
  boundedFacts,
  cleanText,
  factsFromWire,
  hostChanged,
  hostPresenceChanged,
  hostQuarantined,
  hostsErrors,
  isClone,
  openHostSession,
  quarantineHost,
} from "../hosts/index.ts";
import {
  eventType,
  ProblemError,
  type Clock,
  type Database,
  type EventType,
  type NewId,
  type UnitOfWork,
} from "../platform/index.ts";
import { agentsErrors } from "./errors.ts";
import { noteArrival } from "./arrival.ts";
import type { DesiredStateOfHost, DesiredStatePort, RegisteredHooks } from "./ports.ts";
import type { Session } from "./session.ts";
import { readAcknowledged, readObservedDigest } from "./store.ts";

/** A session got its epoch, on whichever replica: older ones end. */
export const sessionOpened: EventType<{ hostId: string; epoch: string }> = eventType<{ hostId: string; epoch: string }>(
  "agents.session-opened",
);

/** What the host is told in Welcome, from the transaction that gave the session its epoch. */
export interface Opening {
  epoch: bigint;
  enrolledAt: Date;
  awaitingApproval: boolean;
  spoolAcknowledged: bigint;
  wantsObserved: boolean;
  /** Undefined while the host waits for approval. */
  desired: DesiredStateOfHost | undefined;
}

interface Parts {
  database: Database;
  clock: Clock;
  newId: NewId;
  desired: DesiredStatePort;
  hooks: Pick<RegisteredHooks, "confirmed">;
  replicaId: string;
}

const MAX_VERSION_CHARACTERS = 64;

/**
 * Commits the session: its epoch, the host's report, its presence. A host that turns out to be two machines is quarantined
 * instead. Throws when it is quarantined already.
 */
export function openSession(parts: Parts, session: Session, hello: Hello): Promise<Opening | "quarantined"> {
  const { clock, newId, desired } = parts;
  const { organizationId, hostId } = session.identity;
  const host = { organizationId, hostId };
  // Before the work that waits for the database: what it takes is no part of the way.
  const receivedAtMs = clock.now().getTime();
  return parts.database.inOrganization(organizationId, async (tx) => {
    const now = clock.now();
    if (hello.agentTime !== undefined)
      session.skew.answered(hello.agentTime.getTime(), session.challengedAtMs, receivedAtMs);
    const facts = boundedFacts(factsFromWire(hello.host));
    const capabilities = boundedCapabilities(hello.host?.capabilities ?? []);
    const opened = await openHostSession(tx, {
      ...host,
      replicaId: parts.replicaId,
      now,
      bootId: cleanText(hello.bootId),
      agentVersion: cleanText(hello.agentVersion).slice(0, MAX_VERSION_CHARACTERS),
      facts,
      capabilities,
      clockSkewMs: session.skew.milliseconds,
      sealingKey: hello.sealingKey.length === X25519_KEY_BYTES ? hello.sealingKey : undefined,
      cause: "its session is open",
    });
    if (opened === undefined)
      throw new ProblemError({ code: agentsErrors.WF_HOST_DISCONNECTED, detail: "The host was deleted." });
    const { before, epoch } = opened;
    if (before.revoked_at !== null) throw new ProblemError({ code: hostsErrors.WF_HOST_REVOKED });
    if (before.quarantined_at !== null) throw new ProblemError({ code: agentsErrors.WF_HOST_QUARANTINED });
    if (isClone({ bootId: before.boot_id, previousBootId: before.previous_boot_id }, hello.bootId)) {
      await quarantine(parts, tx, { ...host, name: before.name, address: session.remoteAddress });
      return "quarantined";
    }
    if (before.presence !== "online") {
      const message =
        before.last_seen_at === null ? `Host ${before.name} has connected.` : `Host ${before.name} is online again.`;
      const at = { at: now, severity: "info" as const, actor: "system" };
      await recordEvent(tx, { id: newId("evt"), ...host, ...at, type: "host.online", message });
      tx.emit(hostPresenceChanged, { ...host, presence: "online", previous: before.presence });
    }
    const stored = hello.observedDigest === "" ? undefined : await readObservedDigest(tx, host);
    const unchanged = stored !== undefined && stored === hello.observedDigest;
    const { confirmed } = parts.hooks;
    const { milliseconds: clockSkewMs } = session.skew;
    await noteArrival(tx, { newId, confirmed }, { host, before, hello, clockSkewMs, now, unchanged });
    if (before.capabilities.join(" ") !== capabilities.join(" ")) tx.emit(hostChanged, host);
    announceHost(tx, host, "updated", now);
    tx.emit(sessionOpened, { hostId, epoch: String(epoch) });
    return {
      epoch,
      enrolledAt: before.enrolled_at,
      awaitingApproval: before.awaiting_approval,
      spoolAcknowledged: await readAcknowledged(tx, host, hello.spoolId),
      wantsObserved: !unchanged,
      desired: before.awaiting_approval ? undefined : await desired.desiredStateFor(tx, hostId),
    };
  });
}

async function quarantine(
  parts: Parts,
  tx: UnitOfWork,
  host: { organizationId: string; hostId: string; name: string; address: string },
): Promise<void> {
  const { organizationId, hostId, name } = host;
  const at = parts.clock.now();
  const reason = `two machines use its key: one that had been replaced by another came back from ${host.address}`;
  await quarantineHost(tx, { organizationId, hostId }, { at, reason });
  const what = { type: "host.quarantined", severity: "warning" as const, actor: "system" };
  const message = `Host ${name} is quarantined: ${reason}. Enrol the copy as a host of its own, then approve this one.`;
  await recordEvent(tx, { id: parts.newId("evt"), organizationId, hostId, at, ...what, message });
  tx.emit(hostQuarantined, { organizationId, hostId });
  tx.emit(hostChanged, { organizationId, hostId });
  announceHost(tx, { organizationId, hostId }, "updated", at);
}
