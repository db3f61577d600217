import type { Migration } from "../db/migrate.ts";

export const migration: Migration = {
  name: "202611230158-revision-before",
  owner: "stacks",
  sql: `
-- Which revision was the current one before: where a rollout that made its own the current one is rolled back after its end.
ALTER TABLE stacks ADD COLUMN revision_before integer NOT NULL DEFAULT 0;
`,
};
