import { sql } from "kysely";
import type { UnitOfWork } from "../platform/index.ts";

/** What a host must run of a stack, and what is known to have worked there. */
export interface StackOnHost {
  /** Revision that its desired state names. */
  readonly revision: number;
  /** The last revision that was seen to work there; 0 when none was. A revision that failed is nothing to go back to. */
  readonly goodRevision: number;
}

/** Host → the stack on it, for the hosts that must run the stack now. */
export async function readStackOnHosts(tx: UnitOfWork, stackId: string): Promise<Map<string, StackOnHost>> {
  const { rows } = await sql<{ host_id: string; revision: number; good: number }>`
    SELECT s.host_id, s.revision,
      CASE WHEN h.state IS NULL OR h.state IN ('succeeded', 'rolled-back') THEN s.revision ELSE h.previous_revision END AS good
    FROM host_desired_stacks s
    LEFT JOIN rollout_hosts h ON h.rollout_id = split_part(s.attempt, '.', 1) AND h.host_id = s.host_id
    WHERE s.stack_id = ${stackId}`.execute(tx.queries);
  return new Map(rows.map((row) => [row.host_id, { revision: row.revision, goodRevision: row.good }]));
}
