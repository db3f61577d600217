import { sql } from "kysely";
import { numberArray, textArray, type UnitOfWork } from "../platform/index.ts";

/** A batch in the table of intake. */
export interface IntakeRow {
  readonly organizationId: string;
  readonly subject: number;
  /** Of its last sample. */
  readonly at: Date;
  readonly batch: Uint8Array;
}

/**
 * Adds batches to the slot that is open, which stays open until the transaction ends. They go in one parameter, cut by the server:
 * an array of bytes would travel as text of twice the length.
 */
export async function insertIntake(tx: UnitOfWork, rows: readonly IntakeRow[]): Promise<void> {
  if (rows.length === 0) return;
  let offset = 1;
  const offsets = rows.map(({ batch }) => (offset += batch.length) - batch.length);
  await sql`WITH slot AS MATERIALIZED (SELECT metric_open_ring() AS ring)
    INSERT INTO metric_intake (ring, organization_id, subject, at, batch)
    SELECT slot.ring, part.organization_id, part.subject, to_timestamp(part.seconds),
      substring(${Buffer.concat(rows.map(({ batch }) => batch))}::bytea FROM part.start FOR part.length)
    FROM slot, unnest(${textArray(rows.map((row) => row.organizationId))}::text[], ${numberArray(rows.map((row) => row.subject))}::integer[],
      ${numberArray(rows.map((row) => row.at.getTime() / 1000))}::float8[], ${numberArray(offsets)}::integer[],
      ${numberArray(rows.map(({ batch }) => batch.length))}::integer[])
      AS part (organization_id, subject, seconds, start, length)`.execute(tx.queries);
}

/** Batches of the subjects that are not rolled up, or just were; at most `limit`. */
export async function readIntake(
  tx: UnitOfWork,
  subjects: readonly number[],
  limit: number,
): Promise<{ subject: number; batch: Buffer }[]> {
  const answer = await sql<{ subject: number; batch: Buffer }>`SELECT subject, batch FROM metric_intake
    WHERE subject = ANY(${[...subjects]}::integer[]) LIMIT ${limit}`.execute(tx.queries);
  return answer.rows;
}

/** The last batch of each of the subjects, where one came since; those that are not rolled up. */
export async function readLatest(
  tx: UnitOfWork,
  subjects: readonly number[],
  since: Date,
): Promise<{ subject: number; batch: Buffer }[]> {
  const answer = await sql<{
    subject: number;
    batch: Buffer;
  }>`SELECT DISTINCT ON (subject) subject, batch FROM metric_intake
    WHERE subject = ANY(${[...subjects]}::integer[]) AND at >= ${since} ORDER BY subject, at DESC`.execute(tx.queries);
  return answer.rows;
}

/** Up to where everything that came is rolled up; undefined when nothing ever was. */
export async function rolledUpTo(tx: UnitOfWork): Promise<Date | undefined> {
  const answer = await sql<{ since: Date | null }>`SELECT metric_rolled_up_to() AS since`.execute(tx.queries);
  return answer.rows[0]?.since ?? undefined;
}

/** Closes the open slot, unless what came before the cutoff is in one that is closed, or none is free. */
export async function closeSlot(tx: UnitOfWork, cutoff: Date): Promise<void> {
  await sql`SELECT metric_close_slot(${cutoff}, (SELECT least(${MOST_LANES},
    greatest(1, coalesce(max(id), 0) / ${SUBJECTS_OF_A_LANE})) FROM metric_subjects)::integer)`.execute(tx.queries);
}

// As many control planes roll up at the same time; a lane of a small fleet would make rows of one subject.
const MOST_LANES = 16;
const SUBJECTS_OF_A_LANE = 2000;

/** A part of a closed slot that this transaction has for itself. */
export interface Lane {
  readonly slot: string;
  readonly lane: number;
  readonly lanes: number;
  /** Subjects up to this number are done. */
  readonly cursor: number;
  readonly ring: number;
  /** Samples before it are rolled up. */
  readonly cutoff: Date;
}

/**
 * Takes a part of the oldest closed slot that is not done, unless others are at all of them. A later slot waits: what
 * comes twice is told apart by what is written of the one before.
 */
export async function takeLane(tx: UnitOfWork): Promise<Lane | undefined> {
  const answer = await sql<Lane>`SELECT l.slot::text AS slot, l.lane, l.lanes, l.cursor, s.ring, s.cutoff
    FROM metric_lanes l JOIN metric_slots s USING (slot)
    WHERE l.slot = (SELECT min(slot) FROM metric_lanes) ORDER BY l.lane LIMIT 1 FOR UPDATE OF l SKIP LOCKED`.execute(
    tx.queries,
  );
  return answer.rows[0];
}

/** The subjects of all batches of a closed slot, rising. Reads the whole slot. */
export async function readSubjectsOf(tx: UnitOfWork, { ring }: Lane): Promise<number[]> {
  const answer = await sql<{
    subject: number;
  }>`SELECT DISTINCT subject FROM metric_intake WHERE ring = ${ring}`.execute(tx.queries);
  return answer.rows.map(({ subject }) => subject).toSorted((a, b) => a - b);
}

/**
 * Batches of these subjects in the lane's slot. Each subject is looked up by itself: the table is emptied every five minutes and has no
 * statistics, without which the server reads all of it for the batches of fifty.
 */
export async function readLane(
  tx: UnitOfWork,
  { ring }: Lane,
  subjects: readonly number[],
): Promise<{ subject: number; batch: Buffer }[]> {
  const answer = await sql<{ subject: number; batch: Buffer }>`SELECT wanted.subject, own.batch
    FROM unnest(${numberArray(subjects)}::integer[]) AS wanted (subject),
    LATERAL (SELECT batch FROM metric_intake WHERE ring = ${ring} AND subject = wanted.subject OFFSET 0) AS own`.execute(
    tx.queries,
  );
  return answer.rows;
}

/** @param cursor undefined when the lane is done */
export async function moveLane(tx: UnitOfWork, { slot, lane }: Lane, cursor: number | undefined): Promise<void> {
  if (cursor === undefined) {
    await sql`DELETE FROM metric_lanes WHERE slot = ${slot} AND lane = ${lane}`.execute(tx.queries);
  } else {
    await sql`UPDATE metric_lanes SET cursor = ${cursor} WHERE slot = ${slot} AND lane = ${lane}`.execute(tx.queries);
  }
}

/** Empties slots that are done; one that somebody reads is left for the next time. */
export async function freeSlots(tx: UnitOfWork): Promise<void> {
  await sql`SELECT metric_free_slots()`.execute(tx.queries);
}
