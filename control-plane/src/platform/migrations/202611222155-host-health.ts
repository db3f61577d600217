import { tenantTable } from "../db/roles.ts";
import type { Migration } from "../db/migrate.ts";

export const migration: Migration = {
  name: "202611222155-host-health",
  owner: "hosts",
  sql: `
-- What the last report of each host comes to, beside what it must run: kept so that a list of ten thousand hosts decodes no
-- reports. Whether the host is reached is not in it: that is its presence.
CREATE TABLE host_health (
  host_id text PRIMARY KEY,
  organization_id text NOT NULL,
  health text NOT NULL CHECK (health IN ('unknown', 'ok', 'in-progress', 'failed', 'empty')),
  summary text NOT NULL,
  stacks_drifted integer NOT NULL,
  stacks_held integer NOT NULL
);
CREATE INDEX host_health_organization ON host_health (organization_id, host_id);
${tenantTable("host_health")}

-- Milliseconds that the host's clock was ahead when it reported: times in reports are the host's own.
ALTER TABLE observed_hosts ADD COLUMN clock_skew_ms double precision NOT NULL DEFAULT 0;

-- What a host's timeline is read by.
CREATE INDEX rollout_hosts_host ON rollout_hosts (organization_id, host_id);
CREATE INDEX audit_entries_host ON audit_entries (organization_id, (detail->>'hostId'), at) WHERE detail ? 'hostId';
`,
};
