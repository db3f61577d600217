import { sql, type ColumnType, type Selectable } from "kysely";
import { tablesOf, type UnitOfWork } from "../platform/index.ts";
import type { Drift, DriftState, DriftStep } from "./model.ts";

interface DriftsTable {
  id: string;
  organization_id: string;
  stack_id: string;
  host_id: string;
  revision: number;
  state: DriftState;
  steps: ColumnType<DriftStep[], string, string>;
  problem: string;
  asked: string;
  asked_by: string;
  found_at: Date;
  ended_at: Date | null;
  ended_by: string;
}
interface Tables {
  drifts: DriftsTable;
}

/** False when there is an open one of the stack on the host already, or the stack is not there any more. */
export async function insertDrift(tx: UnitOfWork, drift: Drift): Promise<boolean> {
  const answer = await sql`INSERT INTO drifts (id, organization_id, stack_id, host_id, revision, state, steps, problem,
      asked, asked_by, found_at, ended_at, ended_by)
    SELECT ${drift.id}, ${drift.organizationId}, s.id, h.id, ${drift.revision}, ${drift.state}, ${JSON.stringify(drift.steps)}::jsonb,
      ${drift.problem}, ${drift.asked}, ${drift.askedBy}, ${drift.foundAt}::timestamptz, ${drift.endedAt ?? null}::timestamptz, ${drift.endedBy}
    FROM stacks s, hosts h WHERE s.id = ${drift.stackId} AND h.id = ${drift.hostId}
    ON CONFLICT DO NOTHING`.execute(tx.queries);
  return answer.numAffectedRows === 1n;
}

export async function updateDrift(
  tx: UnitOfWork,
  id: string,
  change: Partial<
    Pick<Drift, "state" | "steps" | "problem" | "revision" | "asked" | "askedBy" | "endedAt" | "endedBy">
  >,
): Promise<void> {
  const { steps, askedBy, endedAt, endedBy, ...same } = change;
  await tablesOf<Tables>(tx)
    .updateTable("drifts")
    .set({
      ...same,
      ...(steps === undefined ? {} : { steps: JSON.stringify(steps) }),
      ...(askedBy === undefined ? {} : { asked_by: askedBy }),
      ...(endedAt === undefined ? {} : { ended_at: endedAt }),
      ...(endedBy === undefined ? {} : { ended_by: endedBy }),
    })
    .where("id", "=", id)
    .execute();
}

/** @param lock holds the row until the end of the transaction */
export async function readDrift(tx: UnitOfWork, id: string, lock: "lock" | "look"): Promise<Drift | undefined> {
  const select = tablesOf<Tables>(tx).selectFrom("drifts").selectAll().where("id", "=", id);
  const row = await (lock === "lock" ? select.forUpdate() : select).executeTakeFirst();
  return row === undefined ? undefined : driftOf(row);
}

/** Host → stack → its drift there that has not ended; the rows stay locked until the end of the transaction. */
export async function readOpenOn(
  tx: UnitOfWork,
  hostIds: readonly string[],
): Promise<Map<string, ReadonlyMap<string, Drift>>> {
  const rows = await tablesOf<Tables>(tx)
    .selectFrom("drifts")
    .selectAll()
    .where(sql<boolean>`host_id = ANY(${[...hostIds]})`)
    .where("ended_at", "is", null)
    .orderBy("host_id")
    .orderBy("stack_id")
    .forUpdate()
    .execute();
  const byHost = Map.groupBy(rows, (row) => row.host_id);
  return new Map([...byHost].map(([hostId, own]) => [hostId, new Map(own.map((row) => [row.stack_id, driftOf(row)]))]));
}

/** The newest of the stack on the host that has ended. */
export async function readLastEnded(
  tx: UnitOfWork,
  place: { readonly hostId: string; readonly stackId: string },
): Promise<Drift | undefined> {
  const row = await tablesOf<Tables>(tx)
    .selectFrom("drifts")
    .selectAll()
    .where("host_id", "=", place.hostId)
    .where("stack_id", "=", place.stackId)
    .where("ended_at", "is not", null)
    .orderBy("ended_at", "desc")
    .limit(1)
    .executeTakeFirst();
  return row === undefined ? undefined : driftOf(row);
}

export interface DriftQuery {
  /** Empty: all. */
  readonly stackId: string;
  readonly hostId: string;
  /** Also those that have ended. */
  readonly ended: boolean;
  readonly before?: { readonly foundAt: Date; readonly id: string };
  readonly limit: number;
}

/** Newest first. */
export async function listDrifts(tx: UnitOfWork, query: DriftQuery): Promise<Drift[]> {
  let select = tablesOf<Tables>(tx).selectFrom("drifts").selectAll();
  if (query.stackId !== "") select = select.where("stack_id", "=", query.stackId);
  if (query.hostId !== "") select = select.where("host_id", "=", query.hostId);
  if (!query.ended) select = select.where("ended_at", "is", null);
  const { before } = query;
  if (before !== undefined) select = select.where(sql<boolean>`(found_at, id) < (${before.foundAt}, ${before.id})`);
  const rows = await select.orderBy("found_at", "desc").orderBy("id", "desc").limit(query.limit).execute();
  return rows.map(driftOf);
}

/** Those that wait for somebody. */
export async function countOpen(tx: UnitOfWork): Promise<number> {
  const row = await tablesOf<Tables>(tx)
    .selectFrom("drifts")
    .select(sql<bigint>`count(*)`.as("total"))
    .where("ended_at", "is", null)
    .where("state", "=", "open")
    .executeTakeFirstOrThrow();
  return Number(row.total);
}

/** Stack → hosts on which something differs that is not put right. */
export async function countByStack(tx: UnitOfWork, stackIds: readonly string[]): Promise<Map<string, number>> {
  if (stackIds.length === 0) return new Map();
  const rows = await tablesOf<Tables>(tx)
    .selectFrom("drifts")
    .select(["stack_id", sql<bigint>`count(*)`.as("total")])
    .where(sql<boolean>`stack_id = ANY(${[...stackIds]})`)
    .where("ended_at", "is", null)
    .groupBy("stack_id")
    .execute();
  return new Map(rows.map((row) => [row.stack_id, Number(row.total)]));
}

/** Removes the oldest of those that ended before `limit`, at most `rows`; how many they were. */
export async function deleteEndedBefore(tx: UnitOfWork, limit: Date, rows: number): Promise<number> {
  const answer =
    await sql`DELETE FROM drifts WHERE id IN (SELECT id FROM drifts WHERE ended_at < ${limit} LIMIT ${rows})`.execute(
      tx.queries,
    );
  return Number(answer.numAffectedRows ?? 0n);
}

function driftOf(row: Selectable<DriftsTable>): Drift {
  return {
    id: row.id,
    organizationId: row.organization_id,
    stackId: row.stack_id,
    hostId: row.host_id,
    revision: row.revision,
    state: row.state,
    steps: row.steps,
    problem: row.problem,
    asked: row.asked,
    askedBy: row.asked_by,
    foundAt: row.found_at,
    ...(row.ended_at === null ? {} : { endedAt: row.ended_at }),
    endedBy: row.ended_by,
  };
}
