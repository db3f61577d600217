import { sql } from "kysely";
import { numberArray, textArray, timeArray, type UnitOfWork } from "../platform/index.ts";
import type { NumberedSubject } from "./subjects.ts";

/** A half hour of a subject whose statistics are not made of all that came. */
export interface PendingHalf {
  readonly subject: number;
  readonly at: Date;
}

/**
 * Marks half hours. One that is being made at this moment is marked again after that, so that nothing comes in unseen.
 */
export async function markHalves(
  tx: UnitOfWork,
  halves: readonly { readonly subject: NumberedSubject; readonly at: Date }[],
): Promise<void> {
  if (halves.length === 0) return;
  await sql`INSERT INTO metric_half_pending (organization_id, subject, at)
    SELECT DISTINCT o, s, at FROM unnest(${textArray(halves.map(({ subject }) => subject.organizationId))}::text[],
      ${numberArray(halves.map(({ subject }) => subject.number))}::integer[], ${timeArray(halves.map(({ at }) => at))}::timestamptz[]) AS mark (o, s, at)
    ORDER BY s, at
    ON CONFLICT (subject, at) DO UPDATE SET at = excluded.at`.execute(tx.queries);
}

/** Takes half hours that began before the time, so that no other replica works on them in this transaction. */
export async function takeHalves(tx: UnitOfWork, before: Date, limit: number): Promise<PendingHalf[]> {
  const answer = await sql<PendingHalf>`DELETE FROM metric_half_pending WHERE (subject, at) IN (
      SELECT subject, at FROM metric_half_pending WHERE at < ${before} ORDER BY at, subject LIMIT ${limit} FOR UPDATE SKIP LOCKED)
    RETURNING subject, at`.execute(tx.queries);
  return answer.rows;
}

/** The half hours of these subjects in the time that are marked. */
export async function readMarks(
  tx: UnitOfWork,
  subjects: readonly number[],
  range: { readonly from: Date; readonly to: Date },
): Promise<PendingHalf[]> {
  if (range.from >= range.to) return [];
  const answer = await sql<PendingHalf>`SELECT subject, at FROM metric_half_pending
    WHERE subject = ANY(${[...subjects]}::integer[]) AND at >= ${range.from} AND at < ${range.to}`.execute(tx.queries);
  return answer.rows;
}

/** Of all that the transaction sees, the first half hour that is marked. */
export async function firstMark(tx: UnitOfWork): Promise<Date | undefined> {
  const answer = await sql<{ first: Date | null }>`SELECT min(at) AS first FROM metric_half_pending`.execute(
    tx.queries,
  );
  return answer.rows[0]?.first ?? undefined;
}
