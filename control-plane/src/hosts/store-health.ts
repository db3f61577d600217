import type { Health } from "@windflow/core";
import { sql } from "kysely";
import type { UnitOfWork } from "../platform/index.ts";

/** What a host's last report comes to; whether the host is reached is its presence. */
export interface StoredHealth {
  readonly hostId: string;
  readonly health: Health;
  readonly summary: string;
  readonly stacksDrifted: number;
  readonly stacksHeld: number;
}

// A summary is a line of a page; names of stacks and services in it come from people and hosts.
const MAX_SUMMARY_CHARACTERS = 500;

/** Keeps the health of hosts of one organization; only what differs is written. The hosts that it changed for. */
export async function saveHealth(
  tx: UnitOfWork,
  organizationId: string,
  hosts: readonly StoredHealth[],
): Promise<string[]> {
  if (hosts.length === 0) return [];
  const column = <Value>(of: (host: StoredHealth) => Value): Value[] => hosts.map(of);
  const answer = await sql<{ host_id: string }>`
    INSERT INTO host_health (host_id, organization_id, health, summary, stacks_drifted, stacks_held)
    SELECT host_id, ${organizationId}, health, summary, drifted, held
    FROM unnest(${column((host) => host.hostId)}::text[], ${column((host) => host.health)}::text[],
      ${column((host) => host.summary.replaceAll("\0", "").slice(0, MAX_SUMMARY_CHARACTERS))}::text[],
      ${column((host) => host.stacksDrifted)}::integer[], ${column((host) => host.stacksHeld)}::integer[])
      AS told(host_id, health, summary, drifted, held)
    ON CONFLICT (host_id) DO UPDATE SET health = excluded.health, summary = excluded.summary,
      stacks_drifted = excluded.stacks_drifted, stacks_held = excluded.stacks_held
    WHERE (host_health.health, host_health.summary, host_health.stacks_drifted, host_health.stacks_held)
      IS DISTINCT FROM (excluded.health, excluded.summary, excluded.stacks_drifted, excluded.stacks_held)
    RETURNING host_id`.execute(tx.queries);
  return answer.rows.map((row) => row.host_id);
}
