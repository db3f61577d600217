import { tenantTable } from "../db/roles.ts";
import type { Migration } from "../db/migrate.ts";

export const migration: Migration = {
  name: "202611222160-placement",
  owner: "rollouts",
  sql: `
-- What the placement of a stack is short of; a stack that lacks nothing has no row.
CREATE TABLE placement_shortages (
  stack_id text PRIMARY KEY REFERENCES stacks ON DELETE CASCADE,
  organization_id text NOT NULL,
  short text NOT NULL,
  changed_at timestamptz NOT NULL
);
${tenantTable("placement_shortages")}

-- What a stack's last rollout did on one host.
CREATE INDEX rollout_hosts_of_host ON rollout_hosts (host_id, rollout_id DESC);
`,
};
