import { tenantTable } from "../db/roles.ts";
import type { Migration } from "../db/migrate.ts";

export const migration: Migration = {
  name: "202611230155-image-cache",
  owner: "images",
  sql: `
CREATE TABLE cached_images (
  organization_id text NOT NULL REFERENCES organizations,
  source text NOT NULL,
  digest text NOT NULL,
  platform text NOT NULL,
  reference text NOT NULL,
  state text NOT NULL,
  problem text NOT NULL,
  code text NOT NULL,
  documents bytea,
  layers jsonb NOT NULL,
  bytes_done bigint NOT NULL,
  fetched_at timestamptz,
  last_used_at timestamptz NOT NULL,
  told_at timestamptz NOT NULL,
  PRIMARY KEY (organization_id, source, digest, platform)
);
CREATE INDEX cached_images_used ON cached_images (organization_id, last_used_at);
${tenantTable("cached_images")}
`,
};
