import { tenantTable } from "../db/roles.ts";
import type { Migration } from "../db/migrate.ts";

export const migration: Migration = {
  name: "202611221535-rollouts",
  owner: "rollouts",
  sql: `
CREATE TABLE rollouts (
  id text PRIMARY KEY,
  organization_id text NOT NULL REFERENCES organizations,
  stack_id text NOT NULL,
  stack_name text NOT NULL,
  kind text NOT NULL CHECK (kind IN ('deploy', 'remove')),
  revision integer NOT NULL,
  body_digest text NOT NULL,
  state text NOT NULL CHECK (state IN ('pending', 'running', 'waiting', 'succeeded', 'failed', 'cancelled', 'superseded')),
  cause text NOT NULL,
  max_parallel integer NOT NULL,
  failure_budget integer NOT NULL,
  stable_ms integer NOT NULL,
  deadline_ms integer NOT NULL,
  cancel_reason text,
  superseded_by text,
  created_by text NOT NULL,
  created_at timestamptz NOT NULL,
  started_at timestamptz,
  ended_at timestamptz,
  wake_at timestamptz
);
CREATE INDEX rollouts_organization ON rollouts (organization_id, id);
CREATE INDEX rollouts_stack ON rollouts (stack_id, id);
CREATE INDEX rollouts_open ON rollouts (wake_at) WHERE state IN ('pending', 'running', 'waiting');
CREATE UNIQUE INDEX rollouts_one_open ON rollouts (stack_id) WHERE state IN ('pending', 'running', 'waiting');
${tenantTable("rollouts")}

CREATE TABLE rollout_hosts (
  rollout_id text NOT NULL REFERENCES rollouts ON DELETE CASCADE,
  host_id text NOT NULL,
  organization_id text NOT NULL,
  host_name text NOT NULL,
  action text NOT NULL CHECK (action IN ('deploy', 'remove')),
  state text NOT NULL CHECK (state IN ('pending', 'not-reached', 'applying', 'checking-health', 'succeeded', 'failed', 'cancelled')),
  cause text NOT NULL,
  previous_revision integer NOT NULL,
  term bigint,
  n bigint,
  deadline_at timestamptz,
  started_at timestamptz,
  ended_at timestamptz,
  PRIMARY KEY (rollout_id, host_id)
);
CREATE INDEX rollout_hosts_open ON rollout_hosts (host_id) WHERE state IN ('pending', 'not-reached', 'applying', 'checking-health');
${tenantTable("rollout_hosts")}

CREATE TABLE host_desired (
  host_id text PRIMARY KEY,
  organization_id text NOT NULL,
  term bigint NOT NULL,
  n bigint NOT NULL,
  refused_term bigint,
  refused_n bigint,
  refused_cause text,
  changed_at timestamptz NOT NULL
);
CREATE INDEX host_desired_organization ON host_desired (organization_id, host_id);
${tenantTable("host_desired")}

CREATE TABLE host_desired_stacks (
  host_id text NOT NULL,
  stack_id text NOT NULL,
  organization_id text NOT NULL,
  revision integer NOT NULL,
  body_digest text NOT NULL,
  PRIMARY KEY (host_id, stack_id)
);
CREATE INDEX host_desired_stacks_stack ON host_desired_stacks (stack_id);
${tenantTable("host_desired_stacks")}
`,
};
