import { sql, type ColumnType } from "kysely";
import { tablesOf, type UnitOfWork } from "../db/unit-of-work.ts";

export interface JobRow {
  id: string;
  organizationId: string | null;
  kind: string;
  key: string;
  payload: unknown;
  attempts: number;
  deadlineAt: Date | null;
}

interface JobsTable {
  id: string;
  organization_id: string | null;
  kind: string;
  key: string;
  payload: ColumnType<unknown, string, string>;
  state: "waiting" | "running" | "failed";
  run_at: Date;
  attempts: number;
  lease_owner: string | null;
  lease_until: Date | null;
  deadline_at: Date | null;
  wanted_again: boolean;
  last_error: string | null;
  created_at: Date;
}
interface Tables {
  jobs: JobsTable;
}

const ERROR_CHARACTERS = 500;

export interface NewJob {
  id: string;
  kind: string;
  key: string;
  payload: object;
  runAt: Date;
  deadlineAt: Date | null;
  createdAt: Date;
}

/** Inserts the job; one with the same kind and key that waits is brought forward, one that runs is run once more. */
export async function putJob(tx: UnitOfWork, job: NewJob): Promise<void> {
  const payload = JSON.stringify(job.payload);
  await tablesOf<Tables>(tx)
    .insertInto("jobs")
    .values({
      id: job.id,
      organization_id: tx.organizationId ?? null,
      kind: job.kind,
      key: job.key,
      payload,
      state: "waiting",
      run_at: job.runAt,
      attempts: 0,
      lease_owner: null,
      lease_until: null,
      deadline_at: job.deadlineAt,
      wanted_again: false,
      last_error: null,
      created_at: job.createdAt,
    })
    .onConflict((conflict) =>
      conflict.constraint("jobs_kind_key").doUpdateSet({
        payload,
        state: sql`CASE WHEN jobs.state = 'running' THEN 'running' ELSE 'waiting' END`,
        wanted_again: sql`jobs.state = 'running'`,
        run_at: sql`CASE WHEN jobs.state = 'waiting' THEN least(jobs.run_at, excluded.run_at) ELSE excluded.run_at END`,
        attempts: sql`CASE WHEN jobs.state = 'running' THEN jobs.attempts ELSE 0 END`,
        deadline_at: job.deadlineAt,
      }),
    )
    .execute();
}

/** Takes up to `limit` due jobs, or such whose owner let the lease run out. */
export async function claimJobs(
  tx: UnitOfWork,
  claim: { owner: string; kinds: readonly string[]; now: Date; leaseUntil: Date; limit: number },
): Promise<JobRow[]> {
  if (claim.kinds.length === 0) return [];
  const answer = await sql<JobRow>`
    UPDATE jobs SET state = 'running', lease_owner = ${claim.owner}, lease_until = ${claim.leaseUntil},
      attempts = attempts + 1, wanted_again = false
    WHERE id IN (
      SELECT id FROM jobs
      WHERE kind = ANY(${claim.kinds}) AND (
        (state = 'waiting' AND run_at <= ${claim.now}) OR (state = 'running' AND lease_until < ${claim.now}))
      ORDER BY run_at LIMIT ${claim.limit} FOR UPDATE SKIP LOCKED)
    RETURNING id, organization_id AS "organizationId", kind, key, payload, attempts, deadline_at AS "deadlineAt"
  `.execute(tx.queries);
  return answer.rows;
}

/** False when the lease was lost: another worker has the job, or it is gone. */
export async function extendLease(tx: UnitOfWork, id: string, owner: string, until: Date): Promise<boolean> {
  const answer = await tablesOf<Tables>(tx)
    .updateTable("jobs")
    .set({ lease_until: until })
    .where("id", "=", id)
    .where("lease_owner", "=", owner)
    .where("state", "=", "running")
    .executeTakeFirst();
  return answer.numUpdatedRows === 1n;
}

/** Ends a run. With `next` the job waits for that time; without, it is removed, unless it was asked for meanwhile. */
export async function settleJob(
  tx: UnitOfWork,
  run: { id: string; owner: string; now: Date; next?: Date; error?: string; failed?: boolean },
): Promise<void> {
  const own = tablesOf<Tables>(tx);
  if (run.next === undefined && run.failed !== true) {
    const removed = await own
      .deleteFrom("jobs")
      .where("id", "=", run.id)
      .where("lease_owner", "=", run.owner)
      .where("wanted_again", "=", false)
      .executeTakeFirst();
    if (removed.numDeletedRows === 1n) return;
  }
  await own
    .updateTable("jobs")
    .set({
      state: run.failed === true ? sql`CASE WHEN wanted_again THEN 'waiting' ELSE 'failed' END` : "waiting",
      run_at: sql`CASE WHEN wanted_again THEN least(${run.now}::timestamptz, run_at) ELSE ${run.next ?? run.now}::timestamptz END`,
      attempts: run.error === undefined ? 0 : sql`CASE WHEN wanted_again THEN 0 ELSE attempts END`,
      lease_owner: null,
      lease_until: null,
      wanted_again: false,
      last_error: run.error?.slice(0, ERROR_CHARACTERS) ?? null,
    })
    .where("id", "=", run.id)
    .where("lease_owner", "=", run.owner)
    .execute();
}
