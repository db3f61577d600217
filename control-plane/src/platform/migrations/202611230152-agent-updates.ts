import type { Migration } from "../db/migrate.ts";
import { tenantTable } from "../db/roles.ts";

export const migration: Migration = {
  name: "202611230152-agent-updates",
  owner: "updates",
  sql: `
-- What the agent said of its build when it last connected; null for one that does not say.
ALTER TABLE hosts ADD COLUMN agent_build jsonb;
-- The update that is about the host, or how the last one ended when it did not succeed; null otherwise. On the host's own row, so
-- that a session of a host without one costs no look elsewhere. wanted: what the agent is told to become, while it is.
ALTER TABLE hosts ADD COLUMN agent_update jsonb;
CREATE INDEX hosts_agent_update ON hosts (organization_id) WHERE agent_update IS NOT NULL;

CREATE TABLE agent_updates (
  id text PRIMARY KEY,
  organization_id text NOT NULL REFERENCES organizations,
  -- Version, commit, protocols, files with their sizes.
  release jsonb NOT NULL,
  sums bytea NOT NULL,
  signature bytea NOT NULL,
  permit bytea NOT NULL,
  permit_signature bytea NOT NULL,
  state text NOT NULL CHECK (state IN ('pending', 'running', 'waiting', 'paused', 'succeeded', 'failed', 'cancelled', 'superseded')),
  cause text NOT NULL,
  strategy jsonb NOT NULL,
  waves jsonb NOT NULL,
  waiting_for text,
  waiting_until timestamptz,
  paused_by text,
  pause_reason text NOT NULL DEFAULT '',
  excused_failures integer NOT NULL DEFAULT 0,
  ignore_windows boolean NOT NULL,
  cancel_reason text,
  superseded_by text,
  reason text NOT NULL,
  created_by text NOT NULL,
  created_at timestamptz NOT NULL,
  ended_at timestamptz,
  wake_at timestamptz
);
CREATE INDEX agent_updates_list ON agent_updates (organization_id, id DESC);
CREATE INDEX agent_updates_open ON agent_updates (organization_id) WHERE state IN ('pending', 'running', 'waiting', 'paused');
${tenantTable("agent_updates")}

CREATE TABLE agent_update_hosts (
  update_id text NOT NULL REFERENCES agent_updates ON DELETE CASCADE,
  host_id text NOT NULL,
  organization_id text NOT NULL,
  host_name text NOT NULL,
  wave integer NOT NULL,
  state text NOT NULL,
  cause text NOT NULL,
  from_version text NOT NULL,
  retries integer NOT NULL DEFAULT 0,
  begun boolean NOT NULL DEFAULT false,
  superseded_by text,
  -- When it was told.
  told_at timestamptz,
  window_opens_at timestamptz,
  started_at timestamptz,
  ended_at timestamptz,
  -- What its agent said last of this attempt.
  report jsonb,
  PRIMARY KEY (update_id, host_id)
);
CREATE INDEX agent_update_hosts_list ON agent_update_hosts (organization_id, update_id, wave, host_name, host_id);
-- One update at a time has a host.
CREATE UNIQUE INDEX agent_update_hosts_open ON agent_update_hosts (organization_id, host_id)
  WHERE state IN ('pending', 'not-reached', 'sent', 'downloading', 'staged', 'proving');
${tenantTable("agent_update_hosts")}
`,
};
