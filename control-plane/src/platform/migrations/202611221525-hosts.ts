import { systemTable, tenantTable } from "../db/roles.ts";
import type { Migration } from "../db/migrate.ts";

export const migration: Migration = {
  name: "202611221525-hosts",
  owner: "hosts",
  sql: `
CREATE TABLE certificates (
  id text PRIMARY KEY,
  kind text NOT NULL CHECK (kind IN ('root', 'issuing', 'server')),
  certificate_pem text NOT NULL,
  sealed_key bytea,
  names text NOT NULL,
  not_after timestamptz NOT NULL,
  created_at timestamptz NOT NULL
);
${systemTable("certificates")}

CREATE TABLE enrollment_tokens (
  id text PRIMARY KEY,
  organization_id text NOT NULL REFERENCES organizations,
  environment_id text NOT NULL REFERENCES environments,
  name text NOT NULL,
  shown_prefix text NOT NULL,
  secret_sha256 bytea NOT NULL CONSTRAINT enrollment_tokens_secret UNIQUE,
  labels jsonb NOT NULL,
  max_uses integer NOT NULL CHECK (max_uses > 0),
  uses integer NOT NULL DEFAULT 0 CHECK (uses <= max_uses),
  needs_approval boolean NOT NULL,
  created_at timestamptz NOT NULL,
  created_by text NOT NULL,
  expires_at timestamptz NOT NULL,
  revoked_at timestamptz
);
CREATE INDEX enrollment_tokens_organization ON enrollment_tokens (organization_id, id);
${tenantTable("enrollment_tokens")}

CREATE TABLE hosts (
  id text PRIMARY KEY,
  organization_id text NOT NULL REFERENCES organizations,
  environment_id text NOT NULL REFERENCES environments,
  name text NOT NULL,
  labels jsonb NOT NULL,
  facts jsonb NOT NULL,
  capabilities text[] NOT NULL,
  agent_version text NOT NULL,
  sealing_key bytea NOT NULL,
  enrollment_token_id text NOT NULL,
  enrolled_at timestamptz NOT NULL,
  certificate_expires_at timestamptz NOT NULL,
  awaiting_approval boolean NOT NULL,
  quarantined_at timestamptz,
  quarantine_reason text,
  revoked_at timestamptz,
  revocation_reason text,
  version bigint NOT NULL DEFAULT 1,
  presence text NOT NULL CHECK (presence IN ('never-seen', 'online', 'stale', 'offline', 'quarantined', 'revoked')),
  presence_since timestamptz NOT NULL,
  presence_cause text NOT NULL,
  last_seen_at timestamptz,
  epoch bigint NOT NULL DEFAULT 0,
  session_replica text,
  session_opened_at timestamptz,
  session_closed_at timestamptz,
  session_end_cause text,
  boot_id text NOT NULL DEFAULT '',
  clock_skew_ms double precision NOT NULL DEFAULT 0,
  observed_generation text NOT NULL DEFAULT '',
  containers_running integer NOT NULL DEFAULT 0,
  containers_total integer NOT NULL DEFAULT 0,
  cpu_percent double precision NOT NULL DEFAULT 0,
  memory_percent double precision NOT NULL DEFAULT 0,
  CONSTRAINT hosts_name UNIQUE (organization_id, name),
  CONSTRAINT hosts_organization UNIQUE (organization_id, id)
);
CREATE INDEX hosts_presence ON hosts (organization_id, presence, name);
${tenantTable("hosts")}

CREATE TABLE host_keys (
  spki_sha256 bytea PRIMARY KEY,
  organization_id text NOT NULL,
  host_id text NOT NULL,
  spki bytea NOT NULL,
  created_at timestamptz NOT NULL,
  revoked_at timestamptz,
  FOREIGN KEY (organization_id, host_id) REFERENCES hosts (organization_id, id) ON DELETE CASCADE
);
CREATE INDEX host_keys_host ON host_keys (organization_id, host_id);
${tenantTable("host_keys")}
`,
};
