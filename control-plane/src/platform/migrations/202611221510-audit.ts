import { tenantTable } from "../db/roles.ts";
import type { Migration } from "../db/migrate.ts";

export const migration: Migration = {
  name: "202611221510-audit",
  owner: "audit",
  sql: `
CREATE TABLE audit_entries (
  organization_id text NOT NULL,
  sequence bigint NOT NULL,
  id text NOT NULL UNIQUE,
  at timestamptz NOT NULL,
  caller_kind text NOT NULL,
  caller_id text NOT NULL,
  caller_name text NOT NULL,
  remote_address text NOT NULL,
  request_id text NOT NULL,
  action text NOT NULL,
  target_kind text NOT NULL,
  target_id text NOT NULL,
  detail jsonb NOT NULL,
  previous_sha256 bytea NOT NULL,
  entry_sha256 bytea NOT NULL,
  PRIMARY KEY (organization_id, sequence)
);
CREATE INDEX audit_entries_target ON audit_entries (organization_id, target_id, sequence);
${tenantTable("audit_entries", { access: "append-only" })}

CREATE TABLE audit_heads (
  organization_id text PRIMARY KEY,
  sequence bigint NOT NULL,
  entry_sha256 bytea NOT NULL
);
${tenantTable("audit_heads")}
`,
};
