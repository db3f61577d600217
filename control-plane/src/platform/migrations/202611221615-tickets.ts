import { tenantTable } from "../db/roles.ts";
import type { Migration } from "../db/migrate.ts";

export const migration: Migration = {
  name: "202611221615-tickets",
  owner: "api",
  sql: `
CREATE TABLE tickets (
  id text PRIMARY KEY,
  organization_id text NOT NULL,
  secret_sha256 bytea NOT NULL,
  sealed_content bytea NOT NULL,
  expires_at timestamptz NOT NULL
);
CREATE INDEX tickets_expiry ON tickets (expires_at);
${tenantTable("tickets")}
`,
};
