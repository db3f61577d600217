import { tenantTable } from "../db/roles.ts";
import type { Migration } from "../db/migrate.ts";

export const migration: Migration = {
  name: "202611230156-peer-addresses",
  owner: "images",
  sql: `
CREATE TABLE host_peer_addresses (
  organization_id text NOT NULL REFERENCES organizations,
  host_id text PRIMARY KEY REFERENCES hosts ON DELETE CASCADE,
  address text NOT NULL
);
CREATE INDEX host_peer_addresses_organization ON host_peer_addresses (organization_id, host_id);
${tenantTable("host_peer_addresses")}
`,
};
