import { sql } from "kysely";
import type { Clock, UnitOfWork } from "../platform/index.ts";
import { keyOf, type Subject } from "./model.ts";

/** A subject with its number in the tables. */
export interface NumberedSubject extends Subject {
  readonly number: number;
  readonly organizationId: string;
}

/** Gives subjects their numbers; those that it has seen lately without asking. */
export interface SubjectNumbers {
  /** In the order of the subjects. A new subject's number is made in this transaction. */
  of(tx: UnitOfWork, organizationId: string, subjects: readonly Subject[]): Promise<number[]>;
}

// "Seen" says how long a number is kept: a day more or less is nothing to that.
const WRITTEN_AGAIN_MS = 24 * 60 * 60_000;
// 60 MB of ids of containers; beyond it the oldest hosts are asked for again.
const MOST_KNOWN = 300_000;

interface Known {
  readonly number: number;
  readonly writtenMs: number;
}

export function createSubjectNumbers(clock: Clock): SubjectNumbers {
  // By host, then by container: a joined key would be made and hashed for every batch.
  const hosts = new Map<string, Map<string, Known>>();
  let size = 0;

  function remember({ hostId, containerId }: Subject, known: Known): void {
    const own = hosts.get(hostId) ?? new Map<string, Known>();
    hosts.set(hostId, own);
    if (!own.has(containerId)) size++;
    own.set(containerId, known);
  }

  function forgetOldest(): void {
    for (const [hostId, own] of hosts) {
      if (size <= MOST_KNOWN) return;
      hosts.delete(hostId);
      size -= own.size;
    }
  }

  return {
    of: async (tx, organizationId, subjects) => {
      const now = clock.now().getTime();
      const numbers = subjects.map(({ hostId, containerId }) => {
        const known = hosts.get(hostId)?.get(containerId);
        return known !== undefined && now - known.writtenMs < WRITTEN_AGAIN_MS ? known.number : undefined;
      });
      const unknown = new Map(
        subjects.filter((_, i) => numbers[i] === undefined).map((subject) => [keyOf(subject), subject]),
      );
      if (unknown.size === 0) return numbers as number[];
      const made = await writeSubjects(tx, organizationId, [...unknown.values()], new Date(now));
      tx.afterCommit(() => {
        for (const { number, ...subject } of made) remember(subject, { number, writtenMs: now });
        forgetOldest();
      });
      const fresh = new Map(made.map((one) => [keyOf(one), one.number]));
      return subjects.map((subject, i) => numbers[i] ?? fresh.get(keyOf(subject)) ?? 0);
    },
  };
}

interface Row {
  id: number;
  organization_id: string;
  host_id: string;
  container_id: string;
}

async function writeSubjects(
  tx: UnitOfWork,
  organizationId: string,
  subjects: readonly Subject[],
  now: Date,
): Promise<NumberedSubject[]> {
  const answer = await sql<Row>`INSERT INTO metric_subjects (organization_id, host_id, container_id, seen_at)
    SELECT ${organizationId}, host_id, container_id, ${now} FROM unnest(
      ${subjects.map(({ hostId }) => hostId)}::text[], ${subjects.map(({ containerId }) => containerId)}::text[])
      AS given (host_id, container_id) ORDER BY host_id, container_id
    ON CONFLICT (host_id, container_id) DO UPDATE SET seen_at = excluded.seen_at
    RETURNING id, organization_id, host_id, container_id`.execute(tx.queries);
  return answer.rows.map(numbered);
}

/** By number; one that was forgotten is not in it. */
export async function subjectsByNumber(
  tx: UnitOfWork,
  numbers: readonly number[],
): Promise<Map<number, NumberedSubject>> {
  const answer = await sql<Row>`SELECT id, organization_id, host_id, container_id FROM metric_subjects
    WHERE id = ANY(${[...numbers]}::integer[])`.execute(tx.queries);
  return new Map(answer.rows.map((row) => [row.id, numbered(row)]));
}

/** The numbers of the subjects that are known; of the transaction's organization only. */
export async function findSubjects(tx: UnitOfWork, subjects: readonly Subject[]): Promise<NumberedSubject[]> {
  const answer = await sql<Row>`SELECT s.id, s.organization_id, s.host_id, s.container_id FROM unnest(
      ${subjects.map(({ hostId }) => hostId)}::text[], ${subjects.map(({ containerId }) => containerId)}::text[])
      AS given (host_id, container_id) JOIN metric_subjects s USING (host_id, container_id)`.execute(tx.queries);
  return answer.rows.map(numbered);
}

/** The hosts and all of their containers. */
export async function subjectsOfHosts(tx: UnitOfWork, hostIds: readonly string[]): Promise<NumberedSubject[]> {
  const answer = await sql<Row>`SELECT id, organization_id, host_id, container_id FROM metric_subjects
    WHERE host_id = ANY(${[...hostIds]}::text[])`.execute(tx.queries);
  return answer.rows.map(numbered);
}

const numbered = (row: Row): NumberedSubject => ({
  number: row.id,
  organizationId: row.organization_id,
  hostId: row.host_id,
  containerId: row.container_id,
});

// Everything of a subject but its figures among others' (by column), which nobody finds without its number.
const TABLES = ["metric_intake", "metric_samples", "metric_buckets", "metric_halves", "metric_half_pending"];

/** Forgets what is kept of a host and of its containers. */
export async function forgetSubjectsOf(tx: UnitOfWork, hostId: string): Promise<void> {
  for (const table of TABLES) {
    await sql`DELETE FROM ${sql.table(table)} WHERE subject IN (SELECT id FROM metric_subjects WHERE host_id = ${hostId})`.execute(
      tx.queries,
    );
  }
  await sql`DELETE FROM metric_subjects WHERE host_id = ${hostId}`.execute(tx.queries);
}

/** Numbers of what nothing came of for longer than anything is kept. */
export async function forgetSubjectsBefore(tx: UnitOfWork, time: Date): Promise<void> {
  await sql`DELETE FROM metric_subjects WHERE seen_at < ${time}`.execute(tx.queries);
}
