import { tenantTable } from "../db/roles.ts";
import type { Migration } from "../db/migrate.ts";

export const migration: Migration = {
  name: "202611221810-files",
  owner: "files",
  sql: `
CREATE TABLE stored_files (
  organization_id text NOT NULL REFERENCES organizations,
  digest text NOT NULL,
  size_bytes bigint NOT NULL,
  received_bytes bigint NOT NULL,
  whole boolean NOT NULL,
  touched_at timestamptz NOT NULL,
  PRIMARY KEY (organization_id, digest)
);
CREATE INDEX stored_files_touched ON stored_files (touched_at);
${tenantTable("stored_files")}

CREATE TABLE stored_file_pieces (
  organization_id text NOT NULL,
  digest text NOT NULL,
  start_at bigint NOT NULL,
  content bytea NOT NULL,
  PRIMARY KEY (organization_id, digest, start_at),
  FOREIGN KEY (organization_id, digest) REFERENCES stored_files ON DELETE CASCADE
);
-- Most of it is compressed already, and parts of a value are read.
ALTER TABLE stored_file_pieces ALTER COLUMN content SET STORAGE EXTERNAL;
${tenantTable("stored_file_pieces")}

CREATE TABLE file_holders (
  organization_id text NOT NULL,
  holder text NOT NULL,
  digest text NOT NULL,
  stack_id text REFERENCES stacks ON DELETE CASCADE,
  PRIMARY KEY (organization_id, holder, digest),
  FOREIGN KEY (organization_id, digest) REFERENCES stored_files
);
CREATE INDEX file_holders_digest ON file_holders (organization_id, digest);
CREATE INDEX file_holders_stack ON file_holders (stack_id);
${tenantTable("file_holders")}
`,
};
