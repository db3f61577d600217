import { tenantTable, systemTable } from "../db/roles.ts";
import type { Migration } from "../db/migrate.ts";

export const migration: Migration = {
  name: "202611221505-identity",
  owner: "identity",
  sql: `
CREATE TABLE organizations (
  id text PRIMARY KEY,
  name text NOT NULL CONSTRAINT organizations_name UNIQUE,
  created_at timestamptz NOT NULL
);
${tenantTable("organizations", { column: "id" })}

CREATE TABLE environments (
  id text PRIMARY KEY,
  organization_id text NOT NULL REFERENCES organizations,
  name text NOT NULL,
  created_at timestamptz NOT NULL,
  CONSTRAINT environments_name UNIQUE (organization_id, name)
);
${tenantTable("environments")}

CREATE TABLE users (
  id text PRIMARY KEY,
  email text NOT NULL CONSTRAINT users_email UNIQUE,
  display_name text NOT NULL,
  password_hash text NOT NULL,
  password_must_change boolean NOT NULL,
  password_expires_at timestamptz,
  disabled_at timestamptz,
  created_at timestamptz NOT NULL
);
${systemTable("users")}

CREATE TABLE memberships (
  organization_id text NOT NULL REFERENCES organizations,
  user_id text NOT NULL REFERENCES users,
  permissions text[] NOT NULL,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (organization_id, user_id)
);
CREATE INDEX memberships_user ON memberships (user_id);
${tenantTable("memberships")}

CREATE TABLE user_sessions (
  id text PRIMARY KEY,
  organization_id text NOT NULL REFERENCES organizations,
  user_id text NOT NULL REFERENCES users,
  secret_sha256 bytea NOT NULL CONSTRAINT user_sessions_secret UNIQUE,
  created_at timestamptz NOT NULL,
  seen_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  remote_address text NOT NULL,
  user_agent text NOT NULL
);
CREATE INDEX user_sessions_user ON user_sessions (user_id);
CREATE INDEX user_sessions_expiry ON user_sessions (expires_at);
${tenantTable("user_sessions")}

CREATE TABLE api_tokens (
  id text PRIMARY KEY,
  organization_id text NOT NULL REFERENCES organizations,
  user_id text NOT NULL REFERENCES users,
  name text NOT NULL,
  shown_prefix text NOT NULL,
  secret_sha256 bytea NOT NULL CONSTRAINT api_tokens_secret UNIQUE,
  permissions text[] NOT NULL,
  created_at timestamptz NOT NULL,
  expires_at timestamptz,
  used_at timestamptz,
  revoked_at timestamptz
);
CREATE INDEX api_tokens_organization ON api_tokens (organization_id, id);
${tenantTable("api_tokens")}
`,
};
