import type { Migration } from "../db/migrate.ts";

export const migration: Migration = {
  name: "202611221955-host-scheduling",
  owner: "hosts",
  sql: `
-- A cordoned host takes no new stack; a draining one also gives away what can go elsewhere.
ALTER TABLE hosts ADD COLUMN scheduling text NOT NULL DEFAULT 'open'
  CONSTRAINT hosts_scheduling CHECK (scheduling IN ('open', 'cordoned', 'draining'));
`,
};
