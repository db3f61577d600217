import { sql, type Selectable } from "kysely";
import type { UnitOfWork } from "../platform/index.ts";
import type { HostFacts, HostPresence } from "./model.ts";
import { hostsTables, type HostsTable } from "./tables.ts";

export interface HostSession {
  organizationId: string;
  hostId: string;
  replicaId: string;
  now: Date;
  bootId: string;
  agentVersion: string;
  facts: HostFacts;
  capabilities: string[];
  /** Milliseconds that the host's clock is ahead. */
  clockSkewMs: number;
  /** Replaces the enrolled one when it is given. */
  sealingKey: Uint8Array | undefined;
  cause: string;
}

/** The host as it was before the session, and the session's epoch: one more than that of any session before. */
export interface OpenedSession {
  epoch: bigint;
  before: Selectable<HostsTable>;
}

/**
 * Gives a session its epoch and makes the host online. The epoch counts only once this is committed: Welcome comes after.
 * Undefined when the host is gone.
 */
export async function openHostSession(tx: UnitOfWork, session: HostSession): Promise<OpenedSession | undefined> {
  const { organizationId, hostId, now } = session;
  const before = await hostsTables(tx)
    .selectFrom("hosts")
    .selectAll()
    .where("organization_id", "=", organizationId)
    .where("id", "=", hostId)
    .forUpdate()
    .executeTakeFirst();
  if (before === undefined) return undefined;
  const leased = before.revoked_at === null && before.quarantined_at === null;
  const arrives = leased && before.presence !== "online";
  const updated = await hostsTables(tx)
    .updateTable("hosts")
    .set({
      epoch: sql`epoch + 1`,
      session_replica: session.replicaId,
      session_opened_at: now,
      session_closed_at: null,
      session_end_cause: null,
      boot_id: session.bootId,
      ...(session.bootId === before.boot_id ? {} : { previous_boot_id: before.boot_id }),
      agent_version: session.agentVersion,
      facts: JSON.stringify(session.facts),
      capabilities: session.capabilities,
      clock_skew_ms: session.clockSkewMs,
      last_seen_at: now,
      ...(session.sealingKey === undefined ? {} : { sealing_key: session.sealingKey }),
      ...(leased ? { presence: "online" as const, presence_cause: session.cause } : {}),
      ...(arrives ? { presence_since: now } : {}),
    })
    .where("organization_id", "=", organizationId)
    .where("id", "=", hostId)
    .returning("epoch")
    .executeTakeFirstOrThrow();
  return { epoch: updated.epoch, before };
}

/** Takes the host out of use until a person has decided which of the machines it is. */
export async function quarantineHost(
  tx: UnitOfWork,
  host: { organizationId: string; hostId: string },
  quarantine: { at: Date; reason: string },
): Promise<void> {
  await hostsTables(tx)
    .updateTable("hosts")
    .set({
      quarantined_at: quarantine.at,
      quarantine_reason: quarantine.reason,
      presence: "quarantined",
      presence_since: quarantine.at,
      presence_cause: quarantine.reason,
      version: sql`version + 1`,
    })
    .where("organization_id", "=", host.organizationId)
    .where("id", "=", host.hostId)
    .execute();
}

/** Notes the end of a session, unless a newer one has begun. True when it was noted. */
export async function closeHostSession(
  tx: UnitOfWork,
  session: { organizationId: string; hostId: string; epoch: bigint; now: Date; lastSeenAt: Date; cause: string },
): Promise<boolean> {
  const answer = await hostsTables(tx)
    .updateTable("hosts")
    .set({
      session_replica: null,
      session_closed_at: session.now,
      session_end_cause: session.cause,
      last_seen_at: session.lastSeenAt,
    })
    .where("organization_id", "=", session.organizationId)
    .where("id", "=", session.hostId)
    .where("epoch", "=", session.epoch)
    .executeTakeFirst();
  return answer.numUpdatedRows === 1n;
}

/** What the lease of a host is judged by. */
export interface StoredLease {
  organizationId: string;
  hostId: string;
  presence: HostPresence;
  enrolledAt: Date;
  lastSeenAt: Date | undefined;
  sessionEndCause: string | undefined;
}

/**
 * Hosts that count as there (online or stale) while no control plane has their session: it ended, or the one that had it
 * has not been seen since `aliveSince`.
 */
export async function readOrphanedLeases(tx: UnitOfWork, aliveSince: Date): Promise<StoredLease[]> {
  const rows = await hostsTables(tx)
    .selectFrom("hosts")
    .select(["organization_id", "id", "presence", "enrolled_at", "last_seen_at", "session_end_cause"])
    .where("revoked_at", "is", null)
    .where("quarantined_at", "is", null)
    .where("last_seen_at", "is not", null)
    .where("presence", "in", ["online", "stale"])
    .where(
      sql<boolean>`(session_replica IS NULL OR session_replica NOT IN (SELECT id FROM session_replicas WHERE seen_at > ${aliveSince}))`,
    )
    .execute();
  return rows.map((row) => ({
    organizationId: row.organization_id,
    hostId: row.id,
    presence: row.presence,
    enrolledAt: row.enrolled_at,
    lastSeenAt: row.last_seen_at ?? undefined,
    sessionEndCause: row.session_end_cause ?? undefined,
  }));
}

/**
 * Moves a host's presence along its lease. Nothing happens when the stored presence is another than `from`: a session, a
 * revocation or another replica was faster. The host's name when it was moved.
 */
export async function movePresence(
  tx: UnitOfWork,
  change: {
    organizationId: string;
    hostId: string;
    from: HostPresence;
    to: HostPresence;
    since: Date;
    cause: string;
    lastSeenAt: Date;
  },
): Promise<string | undefined> {
  const answer = await hostsTables(tx)
    .updateTable("hosts")
    .set({
      presence: change.to,
      presence_since: change.since,
      presence_cause: change.cause,
      last_seen_at: change.lastSeenAt,
    })
    .where("organization_id", "=", change.organizationId)
    .where("id", "=", change.hostId)
    .where("presence", "=", change.from)
    // Another control plane has heard the host since.
    .where((eb) => eb.or([eb("last_seen_at", "is", null), eb("last_seen_at", "<=", change.lastSeenAt)]))
    .where("revoked_at", "is", null)
    .where("quarantined_at", "is", null)
    .returning("name")
    .executeTakeFirst();
  return answer?.name;
}

/** One statement for all hosts that were heard since the last time: heartbeats themselves write nothing. */
export async function saveLastSeen(
  tx: UnitOfWork,
  seen: readonly {
    hostId: string;
    at: Date;
    cpuPercent: number;
    memoryPercent: number;
    /** Absent while no heartbeat has told it: what is stored stays. */
    clockSkewMs: number | undefined;
  }[],
): Promise<void> {
  if (seen.length === 0) return;
  await sql`UPDATE hosts SET last_seen_at = seen.at, cpu_percent = seen.cpu, memory_percent = seen.memory,
      clock_skew_ms = coalesce(seen.skew, hosts.clock_skew_ms)
    FROM unnest(${seen.map((one) => one.hostId)}::text[], ${seen.map((one) => one.at.toISOString())}::timestamptz[],
      ${seen.map((one) => one.cpuPercent)}::float8[], ${seen.map((one) => one.memoryPercent)}::float8[],
      ${seen.map((one) => one.clockSkewMs ?? null)}::float8[]) AS seen(id, at, cpu, memory, skew)
    WHERE hosts.id = seen.id AND (hosts.last_seen_at IS NULL OR hosts.last_seen_at < seen.at)`.execute(tx.queries);
}

/** What an observed state says in the host list. False when the host has a session newer than `epoch`, or is gone. */
export async function saveObservedFigures(
  tx: UnitOfWork,
  host: { organizationId: string; hostId: string; epoch: bigint },
  figures: { generation: string; containersRunning: number; containersTotal: number },
): Promise<boolean> {
  const answer = await hostsTables(tx)
    .updateTable("hosts")
    .set({
      observed_generation: figures.generation,
      containers_running: figures.containersRunning,
      containers_total: figures.containersTotal,
    })
    .where("organization_id", "=", host.organizationId)
    .where("id", "=", host.hostId)
    .where("epoch", "=", host.epoch)
    .executeTakeFirst();
  return answer.numUpdatedRows === 1n;
}

/** Of these hosts, those that may have no session any more, and why. A host that is gone counts as revoked. */
export async function readBarredHosts(
  tx: UnitOfWork,
  hostIds: readonly string[],
): Promise<{ hostId: string; why: "revoked" | "quarantined" }[]> {
  const rows = await hostsTables(tx)
    .selectFrom("hosts")
    .select(["id", "quarantined_at"])
    .where(sql<boolean>`id = ANY(${[...hostIds]})`)
    .where("revoked_at", "is", null)
    .execute();
  const quarantined = new Map(rows.map((row) => [row.id, row.quarantined_at !== null]));
  return hostIds.flatMap((hostId) => {
    const state = quarantined.get(hostId);
    return state === false
      ? []
      : [{ hostId, why: state === undefined ? ("revoked" as const) : ("quarantined" as const) }];
  });
}
