import { tenantTable } from "../db/roles.ts";
import type { Migration } from "../db/migrate.ts";

export const migration: Migration = {
  name: "202611221530-stacks",
  owner: "stacks",
  sql: `
CREATE TABLE organization_keys (
  organization_id text PRIMARY KEY REFERENCES organizations,
  sealed_key bytea NOT NULL,
  created_at timestamptz NOT NULL
);
${tenantTable("organization_keys")}

CREATE TABLE stacks (
  id text PRIMARY KEY,
  organization_id text NOT NULL REFERENCES organizations,
  name text NOT NULL,
  placement jsonb NOT NULL,
  version integer NOT NULL,
  latest_revision integer NOT NULL,
  current_revision integer NOT NULL,
  deleting boolean NOT NULL,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  CONSTRAINT stacks_name UNIQUE (organization_id, name)
);
${tenantTable("stacks")}

CREATE TABLE stack_revisions (
  stack_id text NOT NULL REFERENCES stacks ON DELETE CASCADE,
  number integer NOT NULL,
  organization_id text NOT NULL,
  source jsonb NOT NULL,
  sealed_secrets bytea,
  body bytea NOT NULL,
  body_digest text NOT NULL,
  has_secrets boolean NOT NULL,
  privileged_services text[] NOT NULL,
  warnings jsonb NOT NULL,
  message text NOT NULL,
  created_by text NOT NULL,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (stack_id, number)
);
CREATE INDEX stack_revisions_organization ON stack_revisions (organization_id, stack_id, number);
${tenantTable("stack_revisions")}
`,
};
