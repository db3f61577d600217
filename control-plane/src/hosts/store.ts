import type { Health } from "@windflow/core";
import { sql, type Selectable } from "kysely";
import type { UnitOfWork } from "../platform/index.ts";
import type { HostFilter, HostOrder } from "./filter.ts";
import type { HostPresence, HostScheduling, Labels } from "./model.ts";
import { matching } from "./matching.ts";
import { hostsTables, type HostsTable } from "./tables.ts";

/** What the host's last report comes to; null while it has not reported. */
interface HealthColumns {
  health: Health | null;
  health_summary: string | null;
  stacks_drifted: number | null;
  stacks_held: number | null;
}
export type HostRow = Selectable<HostsTable> & HealthColumns & { environment_name: string };

function hostRows(tx: UnitOfWork) {
  return hostsTables(tx)
    .selectFrom("hosts")
    .innerJoin("environments", (join) =>
      join
        .onRef("environments.id", "=", "hosts.environment_id")
        .onRef("environments.organization_id", "=", "hosts.organization_id"),
    )
    .leftJoin("host_health", "host_health.host_id", "hosts.id")
    .selectAll("hosts")
    .select([
      "environments.name as environment_name",
      "host_health.health",
      "host_health.summary as health_summary",
      "host_health.stacks_drifted",
      "host_health.stacks_held",
    ]);
}

export async function readHost(tx: UnitOfWork, organizationId: string, hostId: string): Promise<HostRow | undefined> {
  return hostRows(tx)
    .where("hosts.organization_id", "=", organizationId)
    .where("hosts.id", "=", hostId)
    .executeTakeFirst();
}

export type LockedHost = Selectable<HostsTable>;

/** Many at once, in the order of their ids, so that two that lock the same ones do not wait for each other for ever. */
export async function lockHosts(
  tx: UnitOfWork,
  organizationId: string,
  hostIds: readonly string[],
): Promise<Map<string, LockedHost>> {
  const rows = await hostsTables(tx)
    .selectFrom("hosts")
    .selectAll()
    .where("organization_id", "=", organizationId)
    .where(sql<boolean>`id = ANY(${[...hostIds]})`)
    .orderBy("id")
    .forUpdate()
    .execute();
  return new Map(rows.map((row) => [row.id, row]));
}

/** Held until the end of the transaction. */
export async function lockHost(
  tx: UnitOfWork,
  organizationId: string,
  hostId: string,
): Promise<LockedHost | undefined> {
  return hostsTables(tx)
    .selectFrom("hosts")
    .selectAll()
    .where("organization_id", "=", organizationId)
    .where("id", "=", hostId)
    .forUpdate()
    .executeTakeFirst();
}

// What a list is sorted by; every expression is not null, so that a row comparison finds the next page.
const sortExpressions = {
  name: sql<string>`hosts.name`,
  presence: sql<number>`array_position(ARRAY['online','stale','offline','never-seen','quarantined','revoked'], hosts.presence)`,
  last_seen_at: sql<number>`coalesce(extract(epoch FROM hosts.last_seen_at), 0)::double precision`,
  cpu_percent: sql<number>`hosts.cpu_percent`,
  memory_percent: sql<number>`hosts.memory_percent`,
} as const;

export interface HostQuery {
  organizationId: string;
  filter: HostFilter;
  order: HostOrder;
  /** Sort value and id of the last row of the page before. */
  after: { value: string | number; id: string } | undefined;
  limit: number;
}

export async function readHosts(
  tx: UnitOfWork,
  query: HostQuery,
): Promise<(HostRow & { sort_value: string | number })[]> {
  const sortBy = sortExpressions[query.order.by];
  const direction = query.order.descending ? "desc" : "asc";
  let select = hostRows(tx)
    .select(sql<string | number>`${sortBy}`.as("sort_value"))
    .where("hosts.organization_id", "=", query.organizationId)
    .where(matching(query.filter));
  if (query.after !== undefined) {
    const comparison = sql.raw(query.order.descending ? "<" : ">");
    select = select.where(sql<boolean>`(${sortBy}, hosts.id) ${comparison} (${query.after.value}, ${query.after.id})`);
  }
  return select.orderBy(sortBy, direction).orderBy("hosts.id", direction).limit(query.limit).execute();
}

export interface FoundHost {
  hostId: string;
  name: string;
  labels: Labels;
  presence: HostPresence;
  /** As far as the host is reached. */
  health: Health;
  stacksDrifted: number;
  stacksHeld: number;
}

/** Hosts by name that match, with their labels: of all, or of those of the ids. */
export async function findHosts(
  tx: UnitOfWork,
  query: { organizationId: string; filter: HostFilter; hostIds: readonly string[]; limit: number },
): Promise<FoundHost[]> {
  let select = hostsTables(tx)
    .selectFrom("hosts")
    .leftJoin("host_health", "host_health.host_id", "hosts.id")
    .select(["hosts.id", "hosts.name", "hosts.labels", "hosts.presence", "host_health.health"])
    .select(["host_health.stacks_drifted", "host_health.stacks_held"])
    .where("hosts.organization_id", "=", query.organizationId)
    .where(matching(query.filter));
  if (query.hostIds.length > 0) select = select.where(sql<boolean>`hosts.id = ANY(${[...query.hostIds]})`);
  const rows = await select.orderBy("hosts.name").orderBy("hosts.id").limit(query.limit).execute();
  return rows.map(({ id, name, labels, presence, health, stacks_drifted: drifted, stacks_held: held }) => {
    const reached = presence === "online" || presence === "stale";
    const known = { health: reached ? (health ?? "unknown") : "unknown" } as const;
    return { hostId: id, name, labels, presence, ...known, stacksDrifted: drifted ?? 0, stacksHeld: held ?? 0 };
  });
}

export async function countHosts(tx: UnitOfWork, organizationId: string, filter: HostFilter): Promise<number> {
  const row = await hostsTables(tx)
    .selectFrom("hosts")
    .select((eb) => eb.fn.countAll<bigint>().as("total"))
    .where("organization_id", "=", organizationId)
    .where(matching(filter))
    .executeTakeFirstOrThrow();
  return Number(row.total);
}

/** All hosts of the organization by presence. */
export async function countByPresence(tx: UnitOfWork, organizationId: string): Promise<Map<HostPresence, number>> {
  const rows = await hostsTables(tx)
    .selectFrom("hosts")
    .select((eb) => ["presence", eb.fn.countAll<bigint>().as("total")])
    .where("organization_id", "=", organizationId)
    .groupBy("presence")
    .execute();
  return new Map(rows.map((row) => [row.presence, Number(row.total)]));
}

export interface HostSummary {
  hostId: string;
  organizationId: string;
  name: string;
  environmentId: string;
  labels: Labels;
  capabilities: string[];
  arch: string;
  presence: HostPresence;
  presenceCause: string;
  presenceSince: Date;
  lastSeenAt: Date | undefined;
  awaitingApproval: boolean;
  revoked: boolean;
  cpuCount: number;
  memoryBytes: number;
  /** Free on the engine's disk when the session began; absent while the host has not said. */
  diskFreeBytes?: number;
  hostShellAllowed: boolean;
  engineVersion: string;
  scheduling: HostScheduling;
}

/** What is sealed to the host is sealed to this: X25519, 32 bytes. Undefined for a host that must get nothing. */
export async function readSealingKey(tx: UnitOfWork, hostId: string): Promise<Uint8Array | undefined> {
  if (tx.organizationId === undefined)
    throw new TypeError("a host's key is read in a unit of work of its organization");
  const row = await hostsTables(tx)
    .selectFrom("hosts")
    .select("sealing_key")
    .where("organization_id", "=", tx.organizationId)
    .where("id", "=", hostId)
    .where("revoked_at", "is", null)
    .where("quarantined_at", "is", null)
    .where("awaiting_approval", "=", false)
    .executeTakeFirst();
  return row?.sealing_key;
}

/** What other domains need to know of hosts: all of the organization of the unit of work, or those of the ids. */
export async function listHostSummaries(
  tx: UnitOfWork,
  filter: { hostIds?: readonly string[] } = {},
): Promise<HostSummary[]> {
  if (tx.organizationId === undefined) throw new TypeError("hosts are listed in a unit of work of one organization");
  let select = hostsTables(tx).selectFrom("hosts").selectAll().where("organization_id", "=", tx.organizationId);
  if (filter.hostIds !== undefined) select = select.where(sql<boolean>`id = ANY(${[...filter.hostIds]})`);
  const rows = await select.orderBy("name").execute();
  return rows.map((row) => ({
    hostId: row.id,
    organizationId: row.organization_id,
    name: row.name,
    environmentId: row.environment_id,
    labels: row.labels,
    capabilities: row.capabilities,
    arch: row.facts.arch,
    presence: row.presence,
    presenceCause: row.presence_cause,
    presenceSince: row.presence_since,
    lastSeenAt: row.last_seen_at ?? undefined,
    awaitingApproval: row.awaiting_approval,
    revoked: row.revoked_at !== null,
    cpuCount: row.facts.cpuCount,
    memoryBytes: row.facts.memoryBytes,
    ...(row.facts.diskFreeBytes === undefined ? {} : { diskFreeBytes: row.facts.diskFreeBytes }),
    hostShellAllowed: row.facts.hostShellAllowed,
    engineVersion: row.facts.engineVersion,
    scheduling: row.scheduling,
  }));
}
