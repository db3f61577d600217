import { tenantTable } from "../db/roles.ts";
import type { Migration } from "../db/migrate.ts";

export const migration: Migration = {
  name: "202611222154-saved-views",
  owner: "hosts",
  sql: `
CREATE TABLE saved_views (
  id text PRIMARY KEY,
  organization_id text NOT NULL REFERENCES organizations,
  owner_id text NOT NULL,
  created_by text NOT NULL,
  list text NOT NULL,
  name text NOT NULL,
  filter text NOT NULL,
  order_by text NOT NULL,
  group_by text NOT NULL,
  shared boolean NOT NULL,
  saved_at timestamptz NOT NULL,
  CONSTRAINT saved_views_name UNIQUE (organization_id, owner_id, list, name)
);
${tenantTable("saved_views")}
`,
};
