import { summaryText, type Health } from "@windflow/core";
import { sql, type RawBuilder } from "kysely";
import type { UnitOfWork } from "../platform/index.ts";
import type { HostFilter } from "./filter.ts";
import { matching } from "./matching.ts";
import type { HostPresence } from "./model.ts";

/** Hosts that stand alike: of one value of a label, or all. */
export interface HostGroup {
  readonly value: string;
  readonly hosts: number;
  readonly presence: ReadonlyMap<HostPresence, number>;
  /** As far as the hosts are reached; those that are not are unknown. */
  readonly health: Readonly<Record<Health, number>>;
  readonly drifted: number;
  readonly notReachedSince?: Date;
  readonly summary: string;
}

export interface FleetSummary {
  readonly groups: readonly HostGroup[];
  readonly total: HostGroup;
  readonly groupsLeftOut: number;
  /** The most used first. */
  readonly labels: readonly string[];
}

// What a page can show; a label with a value of its own for each host groups nothing.
const MAX_GROUPS = 500;
const MAX_LABELS = 100;
export const ENVIRONMENT_GROUP = "@environment";

/** One row for each way to stand: the counts of any group are sums of them. */
export interface StandingRow {
  readonly value: string;
  readonly presence: HostPresence;
  /** What was reported; null while nothing was. */
  readonly health: Health | null;
  readonly hosts: number;
  readonly drifted: number;
  readonly last_seen_at: Date | null;
}

/** @param groupBy a label, ENVIRONMENT_GROUP, or empty for one group */
export async function summarizeHosts(
  tx: UnitOfWork,
  query: { readonly organizationId: string; readonly filter: HostFilter; readonly groupBy: string; readonly now: Date },
): Promise<Omit<FleetSummary, "labels">> {
  const { organizationId, filter, groupBy, now } = query;
  const standing = await sql<StandingRow>`
    SELECT ${valueOf(groupBy)} AS value, hosts.presence, host_health.health, count(*)::integer AS hosts,
      (count(*) FILTER (WHERE host_health.stacks_drifted > 0))::integer AS drifted, min(hosts.last_seen_at) AS last_seen_at
    FROM hosts JOIN environments ON environments.id = hosts.environment_id
    LEFT JOIN host_health ON host_health.host_id = hosts.id
    WHERE hosts.organization_id = ${organizationId} AND ${matching(filter)}
    GROUP BY 1, 2, 3`.execute(tx.queries);
  return foldGroups(standing.rows, now);
}

/** Labels that hosts of the organization have, the most used first. */
export async function readLabelKeys(tx: UnitOfWork, organizationId: string): Promise<string[]> {
  const { rows } = await sql<{ key: string }>`
    SELECT key FROM hosts CROSS JOIN LATERAL jsonb_object_keys(hosts.labels) AS key
    WHERE hosts.organization_id = ${organizationId} GROUP BY key ORDER BY count(*) DESC, key LIMIT ${MAX_LABELS}`.execute(
    tx.queries,
  );
  return rows.map((row) => row.key);
}

/** Groups by value, the one without a value last; when there are too many, the largest. Pure. */
export function foldGroups(rows: readonly StandingRow[], now: Date): Omit<FleetSummary, "labels"> {
  const groups = [...Map.groupBy(rows, (row) => row.value)].map(([value, members]) => foldGroup(value, members, now));
  const largest = groups.toSorted((a, b) => b.hosts - a.hosts || compareText(a.value, b.value)).slice(0, MAX_GROUPS);
  return {
    groups: largest.toSorted(
      (a, b) => Number(a.value === "") - Number(b.value === "") || compareText(a.value, b.value),
    ),
    total: foldGroup("", rows, now),
    groupsLeftOut: groups.length - largest.length,
  };
}

function foldGroup(value: string, rows: readonly StandingRow[], now: Date): HostGroup {
  const presence = new Map<HostPresence, number>();
  const health = { unknown: 0, ok: 0, "in-progress": 0, failed: 0, empty: 0 };
  let notReached = 0;
  let since: Date | undefined;
  for (const row of rows) {
    presence.set(row.presence, (presence.get(row.presence) ?? 0) + row.hosts);
    const reached = row.presence === "online" || row.presence === "stale";
    health[reached ? (row.health ?? "unknown") : "unknown"] += row.hosts;
    if (reached) continue;
    notReached += row.hosts;
    if (row.last_seen_at !== null && (since === undefined || row.last_seen_at < since)) since = row.last_seen_at;
  }
  const counts = {
    ok: health.ok,
    failed: health.failed,
    stopped: 0,
    inProgress: health["in-progress"],
    unknown: health.unknown - notReached,
    empty: health.empty,
    notReached,
    ...(since === undefined ? {} : { notReachedSince: since.getTime() }),
  };
  return {
    value,
    hosts: rows.reduce((sum, row) => sum + row.hosts, 0),
    presence,
    health,
    drifted: rows.reduce((sum, row) => sum + row.drifted, 0),
    ...(since === undefined ? {} : { notReachedSince: since }),
    summary: summaryText(counts, now.getTime()),
  };
}

export function valueOf(groupBy: string): RawBuilder<string> {
  if (groupBy === "") return sql<string>`''::text`;
  if (groupBy === ENVIRONMENT_GROUP) return sql<string>`environments.name`;
  return sql<string>`coalesce(hosts.labels ->> ${groupBy}, '')`;
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
