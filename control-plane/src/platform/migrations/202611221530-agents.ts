import { tenantTable } from "../db/roles.ts";
import type { Migration } from "../db/migrate.ts";

export const migration: Migration = {
  name: "202611221530-agents",
  owner: "agents",
  sql: `
CREATE TABLE host_observed (
  organization_id text NOT NULL,
  host_id text NOT NULL,
  at timestamptz NOT NULL,
  received_at timestamptz NOT NULL,
  digest text NOT NULL,
  state bytea NOT NULL,
  PRIMARY KEY (organization_id, host_id),
  FOREIGN KEY (organization_id, host_id) REFERENCES hosts (organization_id, id) ON DELETE CASCADE
);
${tenantTable("host_observed")}

CREATE TABLE host_spools (
  organization_id text NOT NULL,
  host_id text NOT NULL,
  spool_id text NOT NULL,
  acknowledged bigint NOT NULL,
  dropped bigint NOT NULL,
  updated_at timestamptz NOT NULL,
  PRIMARY KEY (organization_id, host_id, spool_id),
  FOREIGN KEY (organization_id, host_id) REFERENCES hosts (organization_id, id) ON DELETE CASCADE
);
${tenantTable("host_spools")}
`,
};
