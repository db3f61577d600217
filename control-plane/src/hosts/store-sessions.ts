import { sql, type Selectable } from "kysely";
import { numberArray, textArray, timeArray, type UnitOfWork } from "../platform/index.ts";
import type { AgentBuild, HostFacts, HostPresence, Labels } from "./model.ts";
import { hostsTables, type HostsTable } from "./tables.ts";

/** What a host says of itself when a session begins. */
export interface HostSession {
  hostId: string;
  bootId: string;
  agentVersion: string;
  /** Absent: it does not say. */
  build: AgentBuild | undefined;
  facts: HostFacts;
  capabilities: string[];
  /** Milliseconds that the host's clock is ahead. */
  clockSkewMs: number;
  /** Replaces the enrolled one when it is given. */
  sealingKey: Uint8Array | undefined;
}

/** The host as it was before the session. */
export interface OpenedSession {
  before: Selectable<HostsTable>;
  /** One more than that of any session before; undefined for a host that may have no session. */
  epoch: bigint | undefined;
}

/**
 * Gives sessions their epochs and makes their hosts online. An epoch counts only once this is committed: Welcome comes
 * after. A host that is gone is not in the answer.
 * @param turnedAway of the hosts' rows as they are, locked: hosts whose session is opened for another reason not
 */
export async function openHostSessions(
  tx: UnitOfWork,
  at: { organizationId: string; replicaId: string; now: Date; cause: string },
  sessions: readonly HostSession[],
  turnedAway: (before: readonly Selectable<HostsTable>[]) => Promise<ReadonlySet<string>>,
): Promise<Map<string, OpenedSession>> {
  const { organizationId, replicaId, now, cause } = at;
  // In one order everywhere, so that two transactions never wait for each other.
  const before = await hostsTables(tx)
    .selectFrom("hosts")
    .selectAll()
    .where("organization_id", "=", organizationId)
    .where(sql<boolean>`id = ANY(${sessions.map((session) => session.hostId)})`)
    .orderBy("id")
    .forUpdate()
    .execute();
  const away = await turnedAway(before);
  const isOpen = (row: Selectable<HostsTable>): boolean => row.revoked_at === null && row.quarantined_at === null;
  const may = new Set(before.filter((row) => isOpen(row) && !away.has(row.id)).map((row) => row.id));
  const opened = sessions
    .filter((session) => may.has(session.hostId))
    .map((session) => ({
      id: session.hostId,
      boot_id: session.bootId,
      agent_version: session.agentVersion,
      agent_build: session.build,
      facts: session.facts,
      capabilities: session.capabilities,
      clock_skew_ms: session.clockSkewMs,
      sealing_key: session.sealingKey === undefined ? null : Buffer.from(session.sealingKey).toString("base64"),
    }));
  const updated = await sql<{ id: string; epoch: bigint }>`UPDATE hosts SET epoch = hosts.epoch + 1,
      session_replica = ${replicaId}, session_opened_at = ${now}, session_closed_at = NULL, session_end_cause = NULL,
      previous_boot_id = CASE WHEN hosts.boot_id IS DISTINCT FROM opened.boot_id THEN hosts.boot_id ELSE hosts.previous_boot_id END,
      boot_id = opened.boot_id, agent_version = opened.agent_version, agent_build = opened.agent_build, facts = opened.facts,
      capabilities = ARRAY(SELECT jsonb_array_elements_text(opened.capabilities)), clock_skew_ms = opened.clock_skew_ms,
      sealing_key = coalesce(decode(opened.sealing_key, 'base64'), hosts.sealing_key), last_seen_at = ${now},
      presence_since = CASE WHEN hosts.presence = 'online' THEN hosts.presence_since ELSE ${now}::timestamptz END,
      presence = 'online', presence_cause = ${cause}
    FROM jsonb_to_recordset(${JSON.stringify(opened)}::jsonb) AS opened(id text, boot_id text, agent_version text, agent_build jsonb, facts jsonb,
      capabilities jsonb, clock_skew_ms double precision, sealing_key text)
    WHERE hosts.organization_id = ${organizationId} AND hosts.id = opened.id
    RETURNING hosts.id, hosts.epoch`.execute(tx.queries);
  const epochs = new Map(updated.rows.map(({ id, epoch }) => [id, epoch]));
  return new Map(before.map((row) => [row.id, { before: row, epoch: epochs.get(row.id) }]));
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

/** The end of a session. */
export interface ClosedSession {
  hostId: string;
  epoch: bigint;
  lastSeenAt: Date;
  cause: string;
}

/** Notes the ends of sessions, but of those that a newer one has replaced. */
export async function closeHostSessions(
  tx: UnitOfWork,
  at: { organizationId: string; now: Date },
  sessions: readonly ClosedSession[],
): Promise<void> {
  const closed = sessions.map(({ hostId, epoch, lastSeenAt, cause }) => ({
    id: hostId,
    epoch: String(epoch),
    last_seen_at: lastSeenAt.toISOString(),
    cause,
  }));
  // The rows are locked in one order everywhere, so that two transactions never wait for each other.
  await sql`WITH closed AS (
      SELECT hosts.id, ended.last_seen_at, ended.cause
      FROM jsonb_to_recordset(${JSON.stringify(closed)}::jsonb) AS ended(id text, epoch bigint, last_seen_at timestamptz, cause text)
      JOIN hosts ON hosts.organization_id = ${at.organizationId} AND hosts.id = ended.id AND hosts.epoch = ended.epoch
      ORDER BY hosts.id FOR UPDATE OF hosts)
    UPDATE hosts SET session_replica = NULL, session_closed_at = ${at.now}, session_end_cause = closed.cause,
      last_seen_at = closed.last_seen_at
    FROM closed WHERE hosts.organization_id = ${at.organizationId} AND hosts.id = closed.id`.execute(tx.queries);
}

/** What the lease of a host is judged by. */
export interface StoredLease {
  organizationId: string;
  hostId: string;
  presence: HostPresence;
  enrolledAt: Date;
  lastSeenAt: Date | undefined;
  sessionEndCause: string | undefined;
  /** Undefined when nobody saw it end. */
  sessionClosedAt: Date | undefined;
  labels: Labels;
}

/**
 * Hosts that count as there (online or stale) while no control plane has their session: it ended, or the one that had it
 * has not been seen since `aliveSince`.
 */
export async function readOrphanedLeases(tx: UnitOfWork, aliveSince: Date): Promise<StoredLease[]> {
  const rows = await hostsTables(tx)
    .selectFrom("hosts")
    .select([
      "organization_id",
      "id",
      "presence",
      "enrolled_at",
      "last_seen_at",
      "session_end_cause",
      "session_closed_at",
      "labels",
    ])
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
    sessionClosedAt: row.session_closed_at ?? undefined,
    labels: row.labels,
  }));
}

/** What a host's presence becomes by its lease. */
export interface PresenceMove {
  organizationId: string;
  hostId: string;
  from: HostPresence;
  to: HostPresence;
  since: Date;
  cause: string;
  lastSeenAt: Date;
}

/**
 * Moves the presence of hosts along their leases. A host is left alone when its stored presence is another than `from`: a
 * session, a revocation or another replica was faster. Host → name of those that were moved.
 */
export async function movePresences(tx: UnitOfWork, moves: readonly PresenceMove[]): Promise<Map<string, string>> {
  // Locked in one order everywhere, so that two transactions never wait for each other; last seen later: another control plane
  // has heard the host since.
  const { rows } = await sql<{ id: string; name: string }>`WITH moved AS (
      SELECT * FROM jsonb_to_recordset(${JSON.stringify(moves)}::jsonb) AS moved("organizationId" text, "hostId" text, "from" text,
        "to" text, since timestamptz, cause text, "lastSeenAt" timestamptz)
    ), locked AS (
      SELECT hosts.id FROM hosts JOIN moved ON moved."hostId" = hosts.id AND moved."organizationId" = hosts.organization_id
        AND moved."from" = hosts.presence
      WHERE hosts.revoked_at IS NULL AND hosts.quarantined_at IS NULL
        AND (hosts.last_seen_at IS NULL OR hosts.last_seen_at <= moved."lastSeenAt")
      ORDER BY hosts.id FOR UPDATE OF hosts
    )
    UPDATE hosts SET presence = moved."to", presence_since = moved.since, presence_cause = moved.cause,
      last_seen_at = moved."lastSeenAt"
    FROM moved JOIN locked ON locked.id = moved."hostId"
    WHERE hosts.id = moved."hostId" AND hosts.organization_id = moved."organizationId"
    RETURNING hosts.id, hosts.name`.execute(tx.queries);
  return new Map(rows.map(({ id, name }) => [id, name]));
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
    FROM unnest(${textArray(seen.map((one) => one.hostId))}::text[], ${timeArray(seen.map((one) => one.at))}::timestamptz[],
      ${numberArray(seen.map((one) => one.cpuPercent))}::float8[], ${numberArray(seen.map((one) => one.memoryPercent))}::float8[],
      ${seen.map((one) => one.clockSkewMs ?? null)}::float8[]) AS seen(id, at, cpu, memory, skew)
    WHERE hosts.id = seen.id AND (hosts.last_seen_at IS NULL OR hosts.last_seen_at < seen.at)`.execute(tx.queries);
}

/** What observed states say in the host list. Those of the hosts that have no session newer than `epoch`, and are not gone. */
export async function saveObservedFigures(
  tx: UnitOfWork,
  organizationId: string,
  hosts: readonly {
    hostId: string;
    epoch: bigint;
    generation: string;
    containersRunning: number;
    containersTotal: number;
  }[],
): Promise<Set<string>> {
  // Locked in one order, so that two transactions never wait for each other.
  const { rows } = await sql<{ id: string }>`WITH told AS (
      SELECT * FROM unnest(${hosts.map((host) => host.hostId)}::text[], ${hosts.map((host) => host.epoch)}::bigint[],
        ${hosts.map((host) => host.generation)}::text[], ${hosts.map((host) => host.containersRunning)}::integer[],
        ${hosts.map((host) => host.containersTotal)}::integer[]) AS told(id, epoch, generation, running, total)
    ), locked AS (
      SELECT hosts.id FROM hosts JOIN told ON told.id = hosts.id AND told.epoch = hosts.epoch
      WHERE hosts.organization_id = ${organizationId} ORDER BY hosts.id FOR NO KEY UPDATE OF hosts
    )
    UPDATE hosts SET observed_generation = told.generation, containers_running = told.running, containers_total = told.total
    FROM told JOIN locked ON locked.id = told.id
    WHERE hosts.id = told.id AND hosts.organization_id = ${organizationId} AND hosts.epoch = told.epoch
    RETURNING hosts.id`.execute(tx.queries);
  return new Set(rows.map((row) => row.id));
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
