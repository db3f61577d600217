import type { Migration } from "../db/migrate.ts";

export const migration: Migration = {
  name: "202611221940-metric-statistics",
  owner: "metrics",
  sql: `
-- The times of the samples that are in the statistics of five minutes, as a chunk without columns: what comes late is
-- added once, also when the samples themselves are gone. Null in what older versions wrote.
ALTER TABLE metric_5m ADD COLUMN times bytea;
ALTER TABLE metric_5m ALTER COLUMN times SET STORAGE EXTERNAL;
`,
};
