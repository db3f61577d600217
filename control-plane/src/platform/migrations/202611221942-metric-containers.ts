import { tenantTable } from "../db/roles.ts";
import type { Migration } from "../db/migrate.ts";

export const migration: Migration = {
  name: "202611221942-metric-containers",
  owner: "metrics",
  sql: `
-- What containers with samples were of, kept as long as their statistics: they come and go with every deployment.
CREATE TABLE metric_containers (
  organization_id text NOT NULL,
  host_id text NOT NULL,
  container_id text NOT NULL,
  stack_id text NOT NULL,
  service text NOT NULL,
  name text NOT NULL,
  seen_at timestamptz NOT NULL,
  PRIMARY KEY (host_id, container_id)
);
CREATE INDEX metric_containers_stack ON metric_containers (organization_id, stack_id, service);
CREATE INDEX metric_containers_seen ON metric_containers (seen_at);
${tenantTable("metric_containers")}
`,
};
