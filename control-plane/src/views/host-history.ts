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

/** Forgets everything that is kept of a host, with the host itself. */
export const hostHistory: HostHistory = {
  forget: async (tx, hostId) => {
    await forgetSubjectsOf(tx, hostId);
    for (const table of TABLES)
      await sql`DELETE FROM ${sql.table(table)} WHERE host_id = ${hostId}`.execute(tx.queries);
  },
};
