import { tenantTable } from "../db/roles.ts";
import type { Migration } from "../db/migrate.ts";

export const migration: Migration = {
  name: "202611221813-adoption",
  owner: "adoption",
  sql: `
-- The compose project's name on the hosts, and the folder of the host that an adopted stack's relative paths are meant from
-- (empty: the stack's own).
ALTER TABLE stacks ADD COLUMN project text;
UPDATE stacks SET project = name;
ALTER TABLE stacks ALTER COLUMN project SET NOT NULL;
ALTER TABLE stacks ADD COLUMN working_directory text NOT NULL DEFAULT '';

CREATE TABLE adoptions (
  stack_id text NOT NULL REFERENCES stacks ON DELETE CASCADE,
  host_id text NOT NULL,
  organization_id text NOT NULL,
  project text NOT NULL,
  container_ids text[] NOT NULL,
  adopted_by text NOT NULL,
  adopted_at timestamptz NOT NULL,
  PRIMARY KEY (stack_id, host_id),
  CONSTRAINT adoptions_project UNIQUE (host_id, project),
  FOREIGN KEY (organization_id, host_id) REFERENCES hosts (organization_id, id) ON DELETE CASCADE
);
CREATE INDEX adoptions_host ON adoptions (organization_id, host_id);
${tenantTable("adoptions")}

-- The compose project that a container says that it belongs to; empty when it says none. What hosts reported before is read
-- again with their next report.
ALTER TABLE observed_containers ADD COLUMN project text NOT NULL DEFAULT '';
UPDATE observed_containers SET report_sha256 = '';
CREATE INDEX observed_containers_project ON observed_containers (organization_id, project, host_id);
`,
};
