import { systemTable } from "../db/roles.ts";
import type { Migration } from "../db/migrate.ts";

export const migration: Migration = {
  name: "202611221620-session-replicas",
  owner: "hosts",
  sql: `
CREATE TABLE session_replicas (
  id text PRIMARY KEY,
  seen_at timestamptz NOT NULL
);
${systemTable("session_replicas")}
`,
};
