import type { Migration } from "../db/migrate.ts";

export const migration: Migration = {
  name: "202611221640-replica-addresses",
  owner: "hosts",
  sql: `
ALTER TABLE session_replicas ADD COLUMN address text NOT NULL DEFAULT '';
ALTER TABLE session_replicas ADD COLUMN spki_sha256 bytea NOT NULL DEFAULT '';
`,
};
