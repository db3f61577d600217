import { tenantTable } from "../db/roles.ts";
import type { Migration } from "../db/migrate.ts";

export const migration: Migration = {
  name: "202611221811-registries",
  owner: "registries",
  sql: `
CREATE TABLE registries (
  id text PRIMARY KEY,
  organization_id text NOT NULL REFERENCES organizations,
  address text NOT NULL,
  username text NOT NULL,
  sealed_password bytea NOT NULL,
  version integer NOT NULL,
  created_by text NOT NULL,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  CONSTRAINT registries_address UNIQUE (organization_id, address)
);
${tenantTable("registries")}
`,
};
