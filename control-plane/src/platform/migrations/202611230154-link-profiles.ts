import { tenantTable } from "../db/roles.ts";
import type { Migration } from "../db/migrate.ts";

export const migration: Migration = {
  name: "202611230154-link-profiles",
  owner: "links",
  sql: `
CREATE TABLE link_profiles (
  id text PRIMARY KEY,
  organization_id text NOT NULL REFERENCES organizations,
  name text NOT NULL,
  rule jsonb NOT NULL,
  version integer NOT NULL,
  created_by text NOT NULL,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  CONSTRAINT link_profiles_name UNIQUE (organization_id, name)
);
${tenantTable("link_profiles")}

-- What a host last told of its link; written once a minute, and only for hosts that follow a profile.
CREATE TABLE host_link_reports (
  organization_id text NOT NULL,
  host_id text NOT NULL,
  digest text NOT NULL,
  usage jsonb NOT NULL,
  at timestamptz NOT NULL,
  PRIMARY KEY (organization_id, host_id),
  FOREIGN KEY (organization_id, host_id) REFERENCES hosts (organization_id, id) ON DELETE CASCADE
);
${tenantTable("host_link_reports")}
`,
};
