import { tenantTable, systemTable } from "../db/roles.ts";
import type { Migration } from "../db/migrate.ts";

export const migration: Migration = {
  name: "202611221500-platform",
  owner: "platform",
  sql: `
CREATE TABLE jobs (
  id text PRIMARY KEY,
  organization_id text,
  kind text NOT NULL,
  key text NOT NULL,
  payload jsonb NOT NULL,
  state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'running', 'failed')),
  run_at timestamptz NOT NULL,
  attempts integer NOT NULL DEFAULT 0,
  lease_owner text,
  lease_until timestamptz,
  deadline_at timestamptz,
  wanted_again boolean NOT NULL DEFAULT false,
  last_error text,
  created_at timestamptz NOT NULL,
  CONSTRAINT jobs_kind_key UNIQUE (kind, key)
);
CREATE INDEX jobs_due ON jobs (run_at) WHERE state = 'waiting';
CREATE INDEX jobs_leases ON jobs (lease_until) WHERE state = 'running';
${tenantTable("jobs")}

CREATE TABLE idempotency_keys (
  organization_id text NOT NULL,
  caller_id text NOT NULL,
  key text NOT NULL,
  request_sha256 text NOT NULL,
  response bytea,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (organization_id, caller_id, key)
);
CREATE INDEX idempotency_keys_age ON idempotency_keys (created_at);
${tenantTable("idempotency_keys")}

CREATE TABLE installation_settings (
  name text PRIMARY KEY,
  value jsonb NOT NULL
);
${systemTable("installation_settings")}
`,
};
