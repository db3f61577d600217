import type { Health } from "@windflow/core";
import { sql } from "kysely";
import type { UnitOfWork } from "../platform/index.ts";
import type { HostFilter } from "./filter.ts";
import { matching } from "./matching.ts";
import type { HostPresence } from "./model.ts";
import { countHosts } from "./store.ts";
import { valueOf } from "./summarize.ts";

/** What a map draws of a host. */
export interface MappedHost {
  readonly id: string;
  readonly name: string;
  readonly presence: HostPresence;
  /** As far as the host is reached. */
  readonly health: Health;
  readonly drifted: boolean;
  readonly value: string;
}
export interface FleetMap {
  /** By name. */
  readonly hosts: readonly MappedHost[];
  /** That match, those beyond the limit counted. */
  readonly total: number;
}

// Twice the largest fleet that is promised; about a megabyte before compression.
const MOST_HOSTS = 20_000;

/** @param query.groupBy as in `summarizeHosts` */
export async function mapHosts(
  tx: UnitOfWork,
  query: { readonly organizationId: string; readonly filter: HostFilter; readonly groupBy: string },
): Promise<FleetMap> {
  const { organizationId, filter, groupBy } = query;
  const { rows: hosts } = await sql<MappedHost>`
    SELECT hosts.id, hosts.name, hosts.presence, ${valueOf(groupBy)} AS value,
      CASE WHEN hosts.presence IN ('online', 'stale') THEN coalesce(host_health.health, 'unknown') ELSE 'unknown' END AS health,
      coalesce(host_health.stacks_drifted, 0) > 0 AS drifted
    FROM hosts JOIN environments ON environments.id = hosts.environment_id
    LEFT JOIN host_health ON host_health.host_id = hosts.id
    WHERE hosts.organization_id = ${organizationId} AND ${matching(filter)}
    ORDER BY hosts.name, hosts.id LIMIT ${MOST_HOSTS}`.execute(tx.queries);
  return { hosts, total: hosts.length < MOST_HOSTS ? hosts.length : await countHosts(tx, organizationId, filter) };
}
