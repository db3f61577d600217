import type { Migration } from "../db/migrate.ts";
import { tenantTable } from "../db/roles.ts";

export const migration: Migration = {
  name: "202611230153-host-machines",
  owner: "hosts",
  sql: `
-- Starts of machines that showed a host's key. One that was replaced by another and comes back is a second machine: the boot id of
-- a start never returns. Written when the boot id changes and while two machines are known, so that ordinary sessions cost nothing.
CREATE TABLE host_machines (
  host_id text NOT NULL,
  boot_id text NOT NULL,
  organization_id text NOT NULL,
  remote_address text NOT NULL,
  hostname text NOT NULL,
  addresses text[] NOT NULL,
  first_seen_at timestamptz NOT NULL,
  last_seen_at timestamptz NOT NULL,
  -- Ended ones; while it is the host's current machine, those since epoch from_epoch come on top.
  sessions integer NOT NULL,
  from_epoch bigint NOT NULL,
  -- It was seen beside another one: what a person is shown.
  doubted boolean NOT NULL DEFAULT false,
  decided text NOT NULL DEFAULT '' CHECK (decided IN ('', 'host', 'clone', 'enrolled')),
  -- The token that the clone was given last, and what it has become with it.
  token_id text,
  became_host_id text,
  PRIMARY KEY (host_id, boot_id)
);
CREATE INDEX host_machines_organization ON host_machines (organization_id, host_id);
${tenantTable("host_machines")}

-- Of a token that was made for a clone: whose, and which machine.
ALTER TABLE enrollment_tokens ADD COLUMN clone_host_id text;
ALTER TABLE enrollment_tokens ADD COLUMN clone_boot_id text;
`,
};
