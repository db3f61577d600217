import { sql } from "kysely";
import type { HostHistory } from "../hosts/index.ts";
import { forgetSubjectsOf } from "../metrics/index.ts";

// Rollouts keep their lines: what was done to a host stays told after it is gone.
const TABLES = [
  "host_health",
  "observed_hosts",
  "observed_stacks",
  "observed_containers",
  "metric_containers",
  "host_desired_stacks",
  "host_desired",
];

/** Forgets everything that is kept of a host, with the host itself; hands what is wanted of a host on to what was its clone. */
export const hostHistory: HostHistory = {
  forget: async (tx, hostId) => {
    await forgetSubjectsOf(tx, hostId);
    for (const table of TABLES)
      await sql`DELETE FROM ${sql.table(table)} WHERE host_id = ${hostId}`.execute(tx.queries);
  },
  inherit: async (tx, { organizationId, fromHostId, hostId, now }) => {
    // A generation of its own: hosts count theirs apart. What asked for the stacks is what asked for them there, so that its agent,
    // which has done that, does nothing.
    await sql`INSERT INTO host_desired (host_id, organization_id, term, n, changed_at)
      SELECT ${hostId}, ${organizationId}, term, 1, ${now} FROM host_desired
      WHERE organization_id = ${organizationId} AND host_id = ${fromHostId}`.execute(tx.queries);
    await sql`INSERT INTO host_desired_stacks (host_id, stack_id, organization_id, revision, body_digest, attempt,
        recreate_volumes, probes, override_hold, correct)
      SELECT ${hostId}, stack_id, organization_id, revision, body_digest, attempt, '{}', '[]', false, correct
      FROM host_desired_stacks WHERE organization_id = ${organizationId} AND host_id = ${fromHostId}`.execute(
      tx.queries,
    );
    await sql`INSERT INTO adoptions (stack_id, host_id, organization_id, project, container_ids, adopted_by, adopted_at)
      SELECT stack_id, ${hostId}, organization_id, project, container_ids, adopted_by, adopted_at FROM adoptions
      WHERE organization_id = ${organizationId} AND host_id = ${fromHostId}`.execute(tx.queries);
  },
};
