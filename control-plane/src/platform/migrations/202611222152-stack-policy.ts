import type { Migration } from "../db/migrate.ts";

export const migration: Migration = {
  name: "202611222152-stack-policy",
  owner: "stacks",
  sql: `
-- What hosts do with a stack by themselves; an empty object is the default policy.
ALTER TABLE stacks ADD COLUMN policy jsonb NOT NULL DEFAULT '{}';

-- The last ask to put right what a host reports as drift of the stack; empty when nobody has asked.
ALTER TABLE host_desired_stacks ADD COLUMN correct text NOT NULL DEFAULT '';
`,
};
