import type { Migration } from "../db/migrate.ts";

export const migration: Migration = {
  name: "202611221814-attempts",
  owner: "rollouts",
  sql: `
-- Which rollout asked for it: a host that gave a revision up tries it again with another one only. And the keys of the volumes that
-- this rollout may make anew, without their data.
ALTER TABLE host_desired_stacks ADD COLUMN attempt text NOT NULL DEFAULT '';
ALTER TABLE host_desired_stacks ADD COLUMN recreate_volumes text[] NOT NULL DEFAULT '{}';
ALTER TABLE rollouts ADD COLUMN recreate_volumes text[] NOT NULL DEFAULT '{}';
`,
};
