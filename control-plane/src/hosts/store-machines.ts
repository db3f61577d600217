import { sql, type Selectable } from "kysely";
import type { UnitOfWork } from "../platform/index.ts";
import type { HostFacts } from "./model.ts";
import { hostsTables, type HostMachinesTable, type HostsTable, type MachineDecision } from "./tables.ts";

/** A machine that showed a host's key, at one moment. */
export interface Sighting {
  readonly hostId: string;
  readonly bootId: string;
  readonly remoteAddress: string;
  readonly facts: Pick<HostFacts, "hostname" | "addresses">;
}

export interface Machine {
  readonly bootId: string;
  readonly remoteAddress: string;
  readonly hostname: string;
  readonly addresses: readonly string[];
  readonly firstSeenAt: Date;
  readonly lastSeenAt: Date;
  readonly sessions: number;
  readonly decided: MachineDecision;
  readonly becameHostId: string;
}

// Starts of one machine, or of a few that share a disk; the oldest are of no interest.
const MACHINES_PER_HOST = 20;

/** Host and boot → what was decided of that machine; machines that were never seen are not in it. */
export async function readDecisions(
  tx: UnitOfWork,
  organizationId: string,
  seen: readonly { readonly hostId: string; readonly bootId: string }[],
): Promise<Map<string, MachineDecision>> {
  const { rows } = await sql<{ host_id: string; decided: MachineDecision }>`
    SELECT m.host_id, m.decided FROM host_machines m
    JOIN unnest(${seen.map((one) => one.hostId)}::text[], ${seen.map((one) => one.bootId)}::text[]) AS s(host_id, boot_id)
      ON s.host_id = m.host_id AND s.boot_id = m.boot_id
    WHERE m.organization_id = ${organizationId}`.execute(tx.queries);
  return new Map(rows.map((row) => [row.host_id, row.decided]));
}

/**
 * Notes machines that come in place of the ones before them. Sessions of the same start write nothing: they are counted by the
 * host's epochs.
 * @param before the hosts' rows as they were
 */
export async function noteArrivals(
  tx: UnitOfWork,
  organizationId: string,
  now: Date,
  arrivals: readonly { readonly sighting: Sighting; readonly before: Selectable<HostsTable> }[],
): Promise<void> {
  if (arrivals.length === 0) return;
  const left = arrivals.flatMap(({ before }) =>
    before.boot_id === ""
      ? []
      : [
          {
            ...columnsOf({ hostId: before.id, bootId: before.boot_id, remoteAddress: "", facts: before.facts }),
            first_seen_at: before.session_opened_at ?? before.enrolled_at,
            last_seen_at: before.last_seen_at ?? now,
            epoch: String(before.epoch),
          },
        ],
  );
  if (left.length > 0)
    await sql`INSERT INTO host_machines (host_id, boot_id, organization_id, remote_address, hostname, addresses, first_seen_at,
      last_seen_at, sessions, from_epoch)
    SELECT m.host_id, m.boot_id, ${organizationId}, m.remote_address, m.hostname, m.addresses, m.first_seen_at, m.last_seen_at,
      m.epoch, m.epoch + 1 FROM ${recordset(left)}
    ON CONFLICT (host_id, boot_id) DO UPDATE SET last_seen_at = greatest(host_machines.last_seen_at, excluded.last_seen_at),
      sessions = host_machines.sessions + greatest(0, excluded.from_epoch - host_machines.from_epoch)::integer,
      from_epoch = excluded.from_epoch`.execute(tx.queries);
  const came = arrivals.map(({ sighting, before }) => {
    return { ...columnsOf(sighting), first_seen_at: now, last_seen_at: now, epoch: String(before.epoch) };
  });
  await sql`INSERT INTO host_machines (host_id, boot_id, organization_id, remote_address, hostname, addresses, first_seen_at,
      last_seen_at, sessions, from_epoch)
    SELECT m.host_id, m.boot_id, ${organizationId}, m.remote_address, m.hostname, m.addresses, m.first_seen_at, m.last_seen_at,
      0, m.epoch + 1 FROM ${recordset(came)}
    ON CONFLICT (host_id, boot_id) DO UPDATE SET last_seen_at = excluded.last_seen_at, remote_address = excluded.remote_address,
      hostname = excluded.hostname, addresses = excluded.addresses, from_epoch = excluded.from_epoch`.execute(
    tx.queries,
  );
  await forgetOldest(tx, organizationId, [...new Set(arrivals.map(({ before }) => before.id))]);
}

/** A machine that tries to open a session while nobody has decided, or after it was decided that it is a clone. */
export async function noteTries(
  tx: UnitOfWork,
  organizationId: string,
  now: Date,
  sightings: readonly Sighting[],
): Promise<void> {
  if (sightings.length === 0) return;
  const tries = sightings.map((sighting) => {
    return { ...columnsOf(sighting), first_seen_at: now, last_seen_at: now, epoch: "0" };
  });
  await sql`INSERT INTO host_machines (host_id, boot_id, organization_id, remote_address, hostname, addresses, first_seen_at,
      last_seen_at, sessions, from_epoch, doubted)
    SELECT m.host_id, m.boot_id, ${organizationId}, m.remote_address, m.hostname, m.addresses, m.first_seen_at, m.last_seen_at,
      1, m.epoch, true FROM ${recordset(tries)}
    ON CONFLICT (host_id, boot_id) DO UPDATE SET last_seen_at = excluded.last_seen_at, remote_address = excluded.remote_address,
      hostname = excluded.hostname, addresses = excluded.addresses, sessions = host_machines.sessions + 1,
      doubted = true`.execute(tx.queries);
  await forgetOldest(tx, organizationId, [...new Set(sightings.map(({ hostId }) => hostId))]);
}

/** One start came back after another one: it, and all that were seen since it was first, are shown to a person. */
export async function doubtMachines(tx: UnitOfWork, hostId: string, returned: string): Promise<void> {
  await sql`UPDATE host_machines SET doubted = true WHERE host_id = ${hostId} AND last_seen_at >= (
    SELECT first_seen_at FROM host_machines WHERE host_id = ${hostId} AND boot_id = ${returned})`.execute(tx.queries);
}

/** Those that a person has to tell apart, or did; of a host that nobody doubts, the one that it is. The last seen first. */
export async function readMachines(tx: UnitOfWork, organizationId: string, hostId: string): Promise<Machine[]> {
  const { rows } = await sql<Selectable<HostMachinesTable> & { counted: number; seen_at: Date }>`
    SELECT m.*, m.sessions + CASE WHEN m.boot_id = h.boot_id THEN greatest(0, h.epoch - m.from_epoch + 1) ELSE 0 END AS counted,
      CASE WHEN m.boot_id = h.boot_id THEN greatest(m.last_seen_at, h.last_seen_at) ELSE m.last_seen_at END AS seen_at
    FROM host_machines m JOIN hosts h ON h.id = m.host_id
    WHERE m.organization_id = ${organizationId} AND m.host_id = ${hostId}
      AND (m.doubted OR m.decided <> '' OR m.boot_id = h.boot_id)
    ORDER BY seen_at DESC, m.boot_id LIMIT ${MACHINES_PER_HOST}`.execute(tx.queries);
  return rows.map((row) => ({
    bootId: row.boot_id,
    remoteAddress: row.remote_address,
    hostname: row.hostname,
    addresses: row.addresses,
    firstSeenAt: row.first_seen_at,
    lastSeenAt: row.seen_at,
    sessions: Number(row.counted),
    decided: row.decided,
    becameHostId: row.became_host_id ?? "",
  }));
}

/** Says which machine is the host; the others that are doubted are its clones. False when it is not among them. */
export async function decideMachines(
  tx: UnitOfWork,
  host: { readonly organizationId: string; readonly hostId: string },
  bootId: string,
): Promise<boolean> {
  const { rows } = await sql<{ boot_id: string }>`
    UPDATE host_machines SET decided = CASE WHEN boot_id = ${bootId} THEN 'host' WHEN decided = 'enrolled' THEN decided ELSE 'clone' END
    WHERE organization_id = ${host.organizationId} AND host_id = ${host.hostId} AND (doubted OR boot_id = ${bootId})
    RETURNING boot_id`.execute(tx.queries);
  return rows.some((row) => row.boot_id === bootId);
}

/** The token that the clone was given, and the one before it. */
export async function saveCloneToken(
  tx: UnitOfWork,
  machine: { readonly hostId: string; readonly bootId: string },
  tokenId: string,
): Promise<string | undefined> {
  const { rows } = await sql<{ before: string | null }>`
    UPDATE host_machines m SET token_id = ${tokenId} FROM host_machines old
    WHERE m.host_id = ${machine.hostId} AND m.boot_id = ${machine.bootId} AND old.host_id = m.host_id AND old.boot_id = m.boot_id
    RETURNING old.token_id AS before`.execute(tx.queries);
  return rows[0]?.before ?? undefined;
}

/** The clone has become a host of its own. */
export async function saveCloneEnrolled(
  tx: UnitOfWork,
  machine: { readonly hostId: string; readonly bootId: string },
  becameHostId: string,
): Promise<void> {
  await hostsTables(tx)
    .updateTable("host_machines")
    .set({ decided: "enrolled", became_host_id: becameHostId })
    .where("host_id", "=", machine.hostId)
    .where("boot_id", "=", machine.bootId)
    .execute();
}

export async function forgetMachines(tx: UnitOfWork, hostId: string): Promise<void> {
  await hostsTables(tx).deleteFrom("host_machines").where("host_id", "=", hostId).execute();
}

async function forgetOldest(tx: UnitOfWork, organizationId: string, hostIds: readonly string[]): Promise<void> {
  await sql`DELETE FROM host_machines m USING (
      SELECT host_id, boot_id, row_number() OVER (PARTITION BY host_id ORDER BY last_seen_at DESC, boot_id) AS place
      FROM host_machines WHERE organization_id = ${organizationId} AND host_id = ANY(${[...hostIds]}::text[])) AS ranked
    WHERE ranked.place > ${MACHINES_PER_HOST} AND m.host_id = ranked.host_id AND m.boot_id = ranked.boot_id`.execute(
    tx.queries,
  );
}

function columnsOf({ hostId, bootId, remoteAddress, facts }: Sighting): Record<string, unknown> {
  const { hostname, addresses } = facts;
  return { host_id: hostId, boot_id: bootId, remote_address: remoteAddress, hostname, addresses };
}

function recordset(rows: readonly Record<string, unknown>[]) {
  return sql`(SELECT r.host_id, r.boot_id, r.remote_address, r.hostname,
      ARRAY(SELECT jsonb_array_elements_text(r.addresses)) AS addresses, r.first_seen_at, r.last_seen_at, r.epoch
    FROM jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) AS r(host_id text, boot_id text, remote_address text, hostname text,
      addresses jsonb, first_seen_at timestamptz, last_seen_at timestamptz, epoch bigint)) AS m`;
}
