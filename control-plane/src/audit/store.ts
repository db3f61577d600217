import { sql, type ColumnType } from "kysely";
import { tablesOf, type UnitOfWork } from "../platform/index.ts";
import type { AuditEntry } from "./model.ts";

interface Tables {
  audit_entries: {
    organization_id: string;
    sequence: bigint;
    id: string;
    at: Date;
    caller_kind: string;
    caller_id: string;
    caller_name: string;
    remote_address: string;
    request_id: string;
    action: string;
    target_kind: string;
    target_id: string;
    detail: ColumnType<Record<string, unknown>, string, never>;
    previous_sha256: Buffer;
    entry_sha256: Buffer;
  };
  audit_heads: { organization_id: string; sequence: bigint; entry_sha256: Buffer };
}

export interface AuditHead {
  sequence: bigint;
  digest: Buffer;
}

const EMPTY_DIGEST = Buffer.alloc(32);

/** The end of the organization's chain, held until the transaction ends: entries are added one after the other. */
export async function lockHead(tx: UnitOfWork, organizationId: string): Promise<AuditHead> {
  await tablesOf<Tables>(tx)
    .insertInto("audit_heads")
    .values({ organization_id: organizationId, sequence: 0n, entry_sha256: EMPTY_DIGEST })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  const row = await tablesOf<Tables>(tx)
    .selectFrom("audit_heads")
    .select(["sequence", "entry_sha256 as digest"])
    .where("organization_id", "=", organizationId)
    .forUpdate()
    .executeTakeFirstOrThrow();
  return row;
}

export async function append(tx: UnitOfWork, entry: AuditEntry, previous: Buffer, digest: Buffer): Promise<void> {
  await tablesOf<Tables>(tx)
    .insertInto("audit_entries")
    .values({
      organization_id: entry.organizationId,
      sequence: entry.sequence,
      id: entry.id,
      at: entry.at,
      caller_kind: entry.callerKind,
      caller_id: entry.callerId,
      caller_name: entry.callerName,
      remote_address: entry.remoteAddress,
      request_id: entry.requestId,
      action: entry.action,
      target_kind: entry.targetKind,
      target_id: entry.targetId,
      detail: JSON.stringify(entry.detail),
      previous_sha256: previous,
      entry_sha256: digest,
    })
    .execute();
  await tablesOf<Tables>(tx)
    .updateTable("audit_heads")
    .set({ sequence: entry.sequence, entry_sha256: digest })
    .where("organization_id", "=", entry.organizationId)
    .execute();
}

export interface StoredEntry extends AuditEntry {
  readonly previous: Buffer;
  readonly digest: Buffer;
}

/** Entries after `afterSequence`, oldest first. */
export async function entriesAfter(tx: UnitOfWork, afterSequence: bigint, limit: number): Promise<StoredEntry[]> {
  const answer = await sql<StoredEntry>`
    SELECT organization_id AS "organizationId", sequence, id, at, caller_kind AS "callerKind", caller_id AS "callerId",
      caller_name AS "callerName", remote_address AS "remoteAddress", request_id AS "requestId", action,
      target_kind AS "targetKind", target_id AS "targetId", detail, previous_sha256 AS previous, entry_sha256 AS digest
    FROM audit_entries WHERE sequence > ${afterSequence} ORDER BY sequence LIMIT ${limit}`.execute(tx.queries);
  return answer.rows;
}

export async function headOf(tx: UnitOfWork): Promise<AuditHead | undefined> {
  return tablesOf<Tables>(tx)
    .selectFrom("audit_heads")
    .select(["sequence", "entry_sha256 as digest"])
    .executeTakeFirst();
}
