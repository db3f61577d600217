import type { Migration } from "../db/migrate.ts";

export const migration: Migration = {
  name: "202611222161-observed-confirmed",
  owner: "containers",
  sql: `
-- When a host that came back said that its last report still holds; null when it has not come back since.
ALTER TABLE observed_hosts ADD COLUMN confirmed_at timestamptz;
`,
};
