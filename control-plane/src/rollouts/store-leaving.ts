import { sql } from "kysely";
import type { UnitOfWork } from "../platform/index.ts";
import type { Generation } from "./model.ts";

/** Hosts that were told last to take the stack off and have not been seen to, with the generation that told them. */
export async function readOpenRemovals(
  tx: UnitOfWork,
  stackId: string,
): Promise<{ readonly hostId: string; readonly generation: Generation }[]> {
  const { rows } = await sql<{ host_id: string; term: bigint; n: bigint }>`SELECT host_id, term, n FROM (
      SELECT DISTINCT ON (h.host_id) h.host_id, h.action, h.state, h.term, h.n
      FROM rollout_hosts h JOIN rollouts r ON r.id = h.rollout_id
      WHERE r.stack_id = ${stackId} AND h.term IS NOT NULL ORDER BY h.host_id, h.rollout_id DESC) AS told
    WHERE action = 'remove' AND state <> 'succeeded'`.execute(tx.queries);
  return rows.map(({ host_id: hostId, term, n }) => ({ hostId, generation: { term, n } }));
}
