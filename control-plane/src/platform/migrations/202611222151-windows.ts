import { tenantTable } from "../db/roles.ts";
import type { Migration } from "../db/migrate.ts";

export const migration: Migration = {
  name: "202611222151-windows",
  owner: "windows",
  sql: `
CREATE TABLE maintenance_windows (
  id text PRIMARY KEY,
  organization_id text NOT NULL REFERENCES organizations,
  name text NOT NULL,
  rule jsonb NOT NULL,
  version integer NOT NULL,
  created_by text NOT NULL,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  CONSTRAINT maintenance_windows_name UNIQUE (organization_id, name)
);
${tenantTable("maintenance_windows")}
`,
};
