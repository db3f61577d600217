import { tenantTable } from "../db/roles.ts";
import type { Migration } from "../db/migrate.ts";

export const migration: Migration = {
  name: "202611221540-containers",
  owner: "containers",
  sql: `
CREATE TABLE observed_hosts (
  host_id text PRIMARY KEY,
  organization_id text NOT NULL,
  term bigint NOT NULL,
  n bigint NOT NULL,
  observed_at timestamptz NOT NULL,
  received_at timestamptz NOT NULL,
  engine_problem text NOT NULL
);
${tenantTable("observed_hosts")}

CREATE TABLE observed_stacks (
  host_id text NOT NULL,
  stack_id text NOT NULL,
  organization_id text NOT NULL,
  containers integer NOT NULL,
  report bytea NOT NULL,
  PRIMARY KEY (host_id, stack_id)
);
CREATE INDEX observed_stacks_stack ON observed_stacks (organization_id, stack_id);
${tenantTable("observed_stacks")}

CREATE TABLE observed_containers (
  host_id text NOT NULL,
  container_id text NOT NULL,
  organization_id text NOT NULL,
  name text NOT NULL,
  image text NOT NULL,
  stack_id text NOT NULL,
  report_sha256 text NOT NULL,
  report bytea NOT NULL,
  PRIMARY KEY (host_id, container_id)
);
CREATE INDEX observed_containers_name ON observed_containers (organization_id, name, host_id, container_id);
CREATE INDEX observed_containers_stack ON observed_containers (organization_id, stack_id);
${tenantTable("observed_containers")}
`,
};
