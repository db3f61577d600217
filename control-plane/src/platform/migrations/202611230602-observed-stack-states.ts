import type { Migration } from "../db/migrate.ts";

export const migration: Migration = {
  name: "202611230602-observed-stack-states",
  owner: "containers",
  sql: `
-- What of a report its status is counted by, so that a list of stacks on ten thousand hosts decodes no reports and reads a row for
-- all hosts that are alike. NULL: stored before there were such columns; filled at the next start.
ALTER TABLE observed_stacks ADD COLUMN revision integer, ADD COLUMN held_revision integer, ADD COLUMN service_states text;
`,
};
