import type { ColumnType, Selectable } from "kysely";
import { tablesOf, type UnitOfWork } from "../platform/index.ts";
import type { Revision, RevisionSummary, StackSource, StoredProblem } from "./model.ts";

interface RevisionsTable {
  stack_id: string;
  number: number;
  organization_id: string;
  /** The oldest ones were stored before sources had attachments. */
  source: ColumnType<Omit<StackSource, "attachments"> & Partial<StackSource>, string, never>;
  sealed_secrets: Buffer | null;
  body: Buffer;
  body_digest: string;
  has_secrets: boolean;
  privileged_services: string[];
  warnings: ColumnType<StoredProblem[], string, never>;
  message: string;
  created_by: string;
  created_at: Date;
}
interface Tables {
  stack_revisions: RevisionsTable;
}

const summaryColumns = [
  "stack_id",
  "number",
  "body_digest",
  "has_secrets",
  "privileged_services",
  "warnings",
  "message",
  "created_by",
  "created_at",
] as const;

export async function insertRevision(
  tx: UnitOfWork,
  revision: Revision & { readonly organizationId: string; readonly sealedSecrets: Uint8Array | undefined },
): Promise<void> {
  await tablesOf<Tables>(tx)
    .insertInto("stack_revisions")
    .values({
      stack_id: revision.stackId,
      number: revision.number,
      organization_id: revision.organizationId,
      source: JSON.stringify(revision.source),
      sealed_secrets: revision.sealedSecrets === undefined ? null : Buffer.from(revision.sealedSecrets),
      body: Buffer.from(revision.body),
      body_digest: revision.bodyDigest,
      has_secrets: revision.hasSecrets,
      privileged_services: [...revision.privilegedServices],
      warnings: JSON.stringify(revision.warnings),
      message: revision.message,
      created_by: revision.createdBy,
      created_at: revision.createdAt,
    })
    .execute();
}

export async function readRevision(tx: UnitOfWork, stackId: string, number: number): Promise<Revision | undefined> {
  const row = await tablesOf<Tables>(tx)
    .selectFrom("stack_revisions")
    .select([...summaryColumns, "source", "body"])
    .where("stack_id", "=", stackId)
    .where("number", "=", number)
    .executeTakeFirst();
  if (row === undefined) return undefined;
  const source = { ...row.source, attachments: row.source.attachments ?? [] };
  return { ...summaryOf(row), source, body: row.body };
}

/** Newest first; `before` is the last number of the page before. */
export async function listRevisions(
  tx: UnitOfWork,
  query: { readonly stackId: string; readonly before?: number; readonly limit: number },
): Promise<RevisionSummary[]> {
  let select = tablesOf<Tables>(tx)
    .selectFrom("stack_revisions")
    .select(summaryColumns)
    .where("stack_id", "=", query.stackId);
  if (query.before !== undefined) select = select.where("number", "<", query.before);
  const rows = await select.orderBy("number", "desc").limit(query.limit).execute();
  return rows.map(summaryOf);
}

export async function readSummary(
  tx: UnitOfWork,
  stackId: string,
  number: number,
): Promise<RevisionSummary | undefined> {
  const row = await tablesOf<Tables>(tx)
    .selectFrom("stack_revisions")
    .select(summaryColumns)
    .where("stack_id", "=", stackId)
    .where("number", "=", number)
    .executeTakeFirst();
  return row === undefined ? undefined : summaryOf(row);
}

/** Undefined when there is no such revision. */
export async function readDigest(tx: UnitOfWork, stackId: string, number: number): Promise<string | undefined> {
  return (await readSummary(tx, stackId, number))?.bodyDigest;
}

export async function readSealedSecrets(
  tx: UnitOfWork,
  stackId: string,
  number: number,
): Promise<Uint8Array | undefined> {
  const row = await tablesOf<Tables>(tx)
    .selectFrom("stack_revisions")
    .select("sealed_secrets")
    .where("stack_id", "=", stackId)
    .where("number", "=", number)
    .executeTakeFirst();
  return row?.sealed_secrets ?? undefined;
}

/** The bytes of the body, of a revision with that digest. */
export async function readBody(
  tx: UnitOfWork,
  stackId: string,
  number: number,
  digest: string,
): Promise<Uint8Array | undefined> {
  const row = await tablesOf<Tables>(tx)
    .selectFrom("stack_revisions")
    .select("body")
    .where("stack_id", "=", stackId)
    .where("number", "=", number)
    .where("body_digest", "=", digest)
    .executeTakeFirst();
  return row?.body;
}

function summaryOf(row: Pick<Selectable<RevisionsTable>, (typeof summaryColumns)[number]>): RevisionSummary {
  return {
    stackId: row.stack_id,
    number: row.number,
    bodyDigest: row.body_digest,
    hasSecrets: row.has_secrets,
    privilegedServices: row.privileged_services,
    warnings: row.warnings,
    message: row.message,
    createdBy: row.created_by,
    createdAt: row.created_at,
  };
}
