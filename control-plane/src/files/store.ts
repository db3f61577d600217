import { sql } from "kysely";
import { tablesOf, type UnitOfWork } from "../platform/index.ts";
import { LEAST_CHARGE_BYTES, STORED_PIECE_BYTES, TRIMMED_BYTES } from "./model.ts";

interface FilesTable {
  organization_id: string;
  digest: string;
  size_bytes: bigint;
  received_bytes: bigint;
  whole: boolean;
  touched_at: Date;
}
interface Tables {
  stored_files: FilesTable;
  stored_file_pieces: { organization_id: string; digest: string; start_at: bigint; content: Buffer };
  file_holders: { organization_id: string; holder: string; digest: string; stack_id: string | null };
}

export interface FileRow {
  readonly digest: string;
  readonly sizeBytes: number;
  readonly receivedBytes: number;
  readonly whole: boolean;
  readonly touchedAt: Date;
}

/** Every statement names the organization, though row security would do: the keys begin with it. */
export async function readFiles(
  tx: UnitOfWork,
  organizationId: string,
  digests: readonly string[],
): Promise<FileRow[]> {
  if (digests.length === 0) return [];
  const rows = await sql<FilesTable>`SELECT * FROM stored_files
    WHERE organization_id = ${organizationId} AND digest = ANY(${[...digests]}::text[])`.execute(tx.queries);
  return rows.rows.map(fileOf);
}

/** The row, locked until the end of the transaction. */
export async function lockFile(tx: UnitOfWork, organizationId: string, digest: string): Promise<FileRow | undefined> {
  const row = await tablesOf<Tables>(tx)
    .selectFrom("stored_files")
    .selectAll()
    .where("organization_id", "=", organizationId)
    .where("digest", "=", digest)
    .forUpdate()
    .executeTakeFirst();
  return row === undefined ? undefined : fileOf(row);
}

export async function insertFile(
  tx: UnitOfWork,
  organizationId: string,
  file: { readonly digest: string; readonly sizeBytes: number; readonly at: Date },
): Promise<void> {
  await tablesOf<Tables>(tx)
    .insertInto("stored_files")
    .values({
      organization_id: organizationId,
      digest: file.digest,
      size_bytes: BigInt(file.sizeBytes),
      received_bytes: 0n,
      whole: false,
      touched_at: file.at,
    })
    .execute();
}

/** One reservation of room at a time, so that two uploads cannot take the same rest. */
export async function lockRoom(tx: UnitOfWork, organizationId: string): Promise<void> {
  await sql`SELECT pg_advisory_xact_lock(hashtext('files'), hashtext(${organizationId}))`.execute(tx.queries);
}

/** Bytes that the organization's files take or have reserved. */
export async function usedBytes(tx: UnitOfWork, organizationId: string): Promise<number> {
  const rows = await sql<{
    used: bigint | null;
  }>`SELECT sum(greatest(size_bytes, ${LEAST_CHARGE_BYTES}))::bigint AS used
    FROM stored_files WHERE organization_id = ${organizationId}`.execute(tx.queries);
  return Number(rows.rows[0]?.used ?? 0n);
}

/** @param piece of at most some MiB: it goes to the server in one statement */
export async function appendPieces(
  tx: UnitOfWork,
  organizationId: string,
  piece: { readonly digest: string; readonly offset: number; readonly content: Uint8Array; readonly at: Date },
): Promise<void> {
  const { digest, offset, content, at } = piece;
  const pieces: Tables["stored_file_pieces"][] = [];
  for (let start = 0; start < content.length; start += STORED_PIECE_BYTES) {
    pieces.push({
      organization_id: organizationId,
      digest,
      start_at: BigInt(offset + start),
      content: Buffer.from(content.subarray(start, start + STORED_PIECE_BYTES)),
    });
  }
  await tablesOf<Tables>(tx).insertInto("stored_file_pieces").values(pieces).execute();
  await tablesOf<Tables>(tx)
    .updateTable("stored_files")
    .set({ received_bytes: BigInt(offset + content.length), touched_at: at })
    .where("organization_id", "=", organizationId)
    .where("digest", "=", digest)
    .execute();
}

/** @param file as it was when it was read: false when it was dropped, or begun anew with other bytes, since then */
export async function markWhole(
  tx: UnitOfWork,
  organizationId: string,
  { digest, touchedAt, receivedBytes }: Pick<FileRow, "digest" | "touchedAt" | "receivedBytes">,
): Promise<boolean> {
  const marked = await tablesOf<Tables>(tx)
    .updateTable("stored_files")
    .set({ whole: true })
    .where("organization_id", "=", organizationId)
    .where("digest", "=", digest)
    .where("touched_at", "=", touchedAt)
    .where("received_bytes", "=", BigInt(receivedBytes))
    .where("size_bytes", "=", BigInt(receivedBytes))
    .executeTakeFirst();
  return marked.numUpdatedRows > 0n;
}

export async function touchFiles(
  tx: UnitOfWork,
  organizationId: string,
  digests: readonly string[],
  at: Date,
): Promise<void> {
  if (digests.length === 0) return;
  await sql`UPDATE stored_files SET touched_at = ${at}
    WHERE organization_id = ${organizationId} AND digest = ANY(${[...digests]}::text[])`.execute(tx.queries);
}

/**
 * Removes the end of a file, or what is left of a small one with its row. The caller holds the row. What stays is not whole, and an
 * upload may go on with it. True when nothing is left.
 */
export async function trimFile(
  tx: UnitOfWork,
  organizationId: string,
  { digest, receivedBytes }: Pick<FileRow, "digest" | "receivedBytes">,
): Promise<boolean> {
  if (receivedBytes <= TRIMMED_BYTES) {
    await sql`DELETE FROM stored_files WHERE organization_id = ${organizationId} AND digest = ${digest}`.execute(
      tx.queries,
    );
    return true;
  }
  const { rows } = await sql<{ left: bigint }>`WITH gone AS (
      DELETE FROM stored_file_pieces WHERE organization_id = ${organizationId} AND digest = ${digest}
        AND start_at >= ${BigInt(receivedBytes - TRIMMED_BYTES)} RETURNING start_at
    ) SELECT min(start_at) AS left FROM gone`.execute(tx.queries);
  await sql`UPDATE stored_files SET whole = false, received_bytes = ${rows[0]?.left ?? 0n}
    WHERE organization_id = ${organizationId} AND digest = ${digest}`.execute(tx.queries);
  return false;
}

/** The stored piece that has the byte at `offset`, from that byte on; undefined behind the end. */
export async function readPiece(
  tx: UnitOfWork,
  organizationId: string,
  digest: string,
  offset: number,
): Promise<Uint8Array | undefined> {
  const row = await tablesOf<Tables>(tx)
    .selectFrom("stored_file_pieces")
    .select(["start_at", "content"])
    .where("organization_id", "=", organizationId)
    .where("digest", "=", digest)
    .where("start_at", "<=", BigInt(offset))
    .orderBy("start_at", "desc")
    .limit(1)
    .executeTakeFirst();
  const rest = row?.content.subarray(offset - Number(row.start_at));
  return rest === undefined || rest.length === 0 ? undefined : rest;
}

export async function insertHolds(
  tx: UnitOfWork,
  organizationId: string,
  holder: { readonly id: string; readonly stackId?: string },
  digests: readonly string[],
): Promise<void> {
  if (digests.length === 0) return;
  await sql`INSERT INTO file_holders (organization_id, holder, digest, stack_id)
    SELECT ${organizationId}, ${holder.id}, unnest(${[...digests]}::text[]), ${holder.stackId ?? null}
    ON CONFLICT DO NOTHING`.execute(tx.queries);
}

export async function deleteHolds(tx: UnitOfWork, organizationId: string, holderId: string): Promise<void> {
  await tablesOf<Tables>(tx)
    .deleteFrom("file_holders")
    .where("organization_id", "=", organizationId)
    .where("holder", "=", holderId)
    .execute();
}

/** Removes a part of a file that nobody holds. True when no more of it is to be removed: it is gone, held, or being held. */
export async function trimUnheld(tx: UnitOfWork, organizationId: string, digest: string): Promise<boolean> {
  const { rows } = await sql<FilesTable>`SELECT * FROM stored_files
    WHERE organization_id = ${organizationId} AND digest = ${digest} FOR UPDATE SKIP LOCKED`.execute(tx.queries);
  return trimLocked(tx, rows[0]);
}

export async function isHeld(
  tx: UnitOfWork,
  organizationId: string,
  holderIds: readonly string[],
  digest: string,
): Promise<boolean> {
  const rows = await sql`SELECT 1 FROM file_holders WHERE organization_id = ${organizationId}
    AND holder = ANY(${[...holderIds]}::text[]) AND digest = ${digest} LIMIT 1`.execute(tx.queries);
  return rows.rows.length > 0;
}

/** Removes a part of the file, of any organization, that nobody holds and nobody touched for the longest time. False when there is none. */
export async function trimOldest(tx: UnitOfWork, before: Date): Promise<boolean> {
  const { rows } = await sql<FilesTable>`SELECT * FROM stored_files f WHERE touched_at < ${before} AND NOT EXISTS (
      SELECT FROM file_holders h WHERE h.organization_id = f.organization_id AND h.digest = f.digest)
    ORDER BY touched_at LIMIT 1 FOR UPDATE SKIP LOCKED`.execute(tx.queries);
  await trimLocked(tx, rows[0]);
  return rows.length > 0;
}

// Asked again under the lock: whoever holds a file locks its row first, and may have committed since it was looked for.
async function trimLocked(tx: UnitOfWork, row: FilesTable | undefined): Promise<boolean> {
  if (row === undefined) return true;
  const { organization_id: organizationId, digest } = row;
  const { rows } = await sql`SELECT 1 FROM file_holders
    WHERE organization_id = ${organizationId} AND digest = ${digest} LIMIT 1`.execute(tx.queries);
  return rows.length > 0 || trimFile(tx, organizationId, fileOf(row));
}

function fileOf(row: FilesTable): FileRow {
  return {
    digest: row.digest,
    sizeBytes: Number(row.size_bytes),
    receivedBytes: Number(row.received_bytes),
    whole: row.whole,
    touchedAt: row.touched_at,
  };
}
