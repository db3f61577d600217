import type { Migration } from "../db/migrate.ts";

export const migration: Migration = {
  name: "202611221605-host-boots",
  owner: "hosts",
  sql: `
ALTER TABLE hosts ADD COLUMN previous_boot_id text NOT NULL DEFAULT '';
`,
};
