import type { Migration } from "../db/migrate.ts";

export const migration: Migration = {
  name: "202611230150-requested-labels",
  owner: "hosts",
  sql: `
-- What root on the machine asked for at enrolment and nobody has decided yet.
ALTER TABLE hosts ADD COLUMN requested_labels jsonb NOT NULL DEFAULT '{}';
-- Keys that machines which enrol with the token may set themselves.
ALTER TABLE enrollment_tokens ADD COLUMN host_label_keys text[] NOT NULL DEFAULT '{}';
-- The queue of those that wait.
CREATE INDEX hosts_waiting ON hosts (organization_id) WHERE awaiting_approval;
`,
};
