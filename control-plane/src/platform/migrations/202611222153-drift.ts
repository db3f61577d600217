import { tenantTable } from "../db/roles.ts";
import type { Migration } from "../db/migrate.ts";

export const migration: Migration = {
  name: "202611222153-drift",
  owner: "drift",
  sql: `
CREATE TABLE drifts (
  id text PRIMARY KEY,
  organization_id text NOT NULL,
  stack_id text NOT NULL REFERENCES stacks ON DELETE CASCADE,
  host_id text NOT NULL,
  revision integer NOT NULL,
  state text NOT NULL CHECK (state IN ('open', 'correcting', 'corrected', 'accepted', 'gone')),
  steps jsonb NOT NULL,
  problem text NOT NULL,
  -- The value of the desired state's correct that asks for it; empty when nobody has asked.
  asked text NOT NULL,
  asked_by text NOT NULL,
  found_at timestamptz NOT NULL,
  ended_at timestamptz,
  ended_by text NOT NULL,
  FOREIGN KEY (organization_id, host_id) REFERENCES hosts (organization_id, id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX drifts_one_open ON drifts (host_id, stack_id) WHERE ended_at IS NULL;
CREATE INDEX drifts_newest ON drifts (organization_id, found_at DESC, id DESC);
CREATE INDEX drifts_place ON drifts (host_id, stack_id, found_at DESC);
CREATE INDEX drifts_stack ON drifts (stack_id);
CREATE INDEX drifts_ended ON drifts (ended_at) WHERE ended_at IS NOT NULL;
${tenantTable("drifts")}
`,
};
