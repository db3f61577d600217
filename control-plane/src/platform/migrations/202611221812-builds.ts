import { tenantTable } from "../db/roles.ts";
import type { Migration } from "../db/migrate.ts";

export const migration: Migration = {
  name: "202611221812-builds",
  owner: "builds",
  sql: `
CREATE TABLE builds (
  id text PRIMARY KEY,
  organization_id text NOT NULL REFERENCES organizations,
  stack_id text NOT NULL REFERENCES stacks ON DELETE CASCADE,
  state text NOT NULL,
  cause text NOT NULL,
  host_id text NOT NULL,
  host_name text NOT NULL,
  platform text NOT NULL,
  services jsonb NOT NULL,
  base_images text[] NOT NULL,
  tasks_digest text NOT NULL,
  created_by text NOT NULL,
  created_at timestamptz NOT NULL,
  started_at timestamptz,
  ended_at timestamptz
);
CREATE UNIQUE INDEX builds_under_way ON builds (stack_id) WHERE state IN ('pending', 'running');
CREATE INDEX builds_organization ON builds (organization_id, stack_id, id);
${tenantTable("builds")}

CREATE TABLE build_lines (
  build_id text NOT NULL REFERENCES builds ON DELETE CASCADE,
  sequence bigint NOT NULL,
  organization_id text NOT NULL,
  service text NOT NULL,
  text text NOT NULL,
  at timestamptz NOT NULL,
  PRIMARY KEY (build_id, sequence)
);
CREATE INDEX build_lines_organization ON build_lines (organization_id, build_id, sequence);
${tenantTable("build_lines")}

CREATE TABLE built_images (
  organization_id text NOT NULL REFERENCES organizations,
  input_digest text NOT NULL,
  platform text NOT NULL,
  config_digest text NOT NULL,
  config_size_bytes bigint NOT NULL,
  manifest_digest text NOT NULL,
  layers jsonb NOT NULL,
  size_bytes bigint NOT NULL,
  built_at timestamptz NOT NULL,
  used_at timestamptz NOT NULL,
  PRIMARY KEY (organization_id, input_digest)
);
CREATE INDEX built_images_used ON built_images (used_at);
${tenantTable("built_images")}
`,
};
