import { tenantTable } from "../db/roles.ts";
import type { Migration } from "../db/migrate.ts";

export const migration: Migration = {
  name: "202611221520-events",
  owner: "events",
  sql: `
CREATE TABLE events (
  id text PRIMARY KEY,
  organization_id text NOT NULL REFERENCES organizations,
  at timestamptz NOT NULL,
  recorded_at timestamptz NOT NULL,
  type text NOT NULL,
  message text NOT NULL,
  severity text NOT NULL CHECK (severity IN ('info', 'warning', 'error')),
  actor text NOT NULL,
  host_id text,
  stack_id text,
  container_id text
);
CREATE INDEX events_newest ON events (organization_id, at DESC, id DESC);
CREATE INDEX events_host ON events (organization_id, host_id, at DESC, id DESC) WHERE host_id IS NOT NULL;
CREATE INDEX events_stack ON events (organization_id, stack_id, at DESC, id DESC) WHERE stack_id IS NOT NULL;
CREATE INDEX events_age ON events (recorded_at);
${tenantTable("events")}
`,
};
