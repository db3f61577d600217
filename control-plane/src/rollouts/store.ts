import { sql, type Selectable } from "kysely";
import { tablesOf, type UnitOfWork } from "../platform/index.ts";
import type { Rollout, RolloutState } from "./model.ts";

interface RolloutsTable {
  id: string;
  organization_id: string;
  stack_id: string;
  stack_name: string;
  kind: "deploy" | "remove";
  revision: number;
  body_digest: string;
  state: RolloutState;
  cause: string;
  max_parallel: number;
  failure_budget: number;
  stable_ms: number;
  deadline_ms: number;
  recreate_volumes: string[];
  cancel_reason: string | null;
  superseded_by: string | null;
  created_by: string;
  created_at: Date;
  started_at: Date | null;
  ended_at: Date | null;
  wake_at: Date | null;
}
interface Tables {
  rollouts: RolloutsTable;
}

/** A rollout as it is stored: what planning needs, and what people want to read. */
export interface StoredRollout extends Rollout {
  readonly organizationId: string;
  readonly stackName: string;
  readonly bodyDigest: string;
  /** Keys of volumes that its hosts may make anew, without their data. */
  readonly recreateVolumes: readonly string[];
  readonly createdBy: string;
  readonly createdAt: Date;
  readonly startedAt?: Date;
  readonly endedAt?: Date;
  /** When time alone may change something; for whoever takes it up after a crash. */
  readonly wakeAt?: Date;
}

const OPEN: RolloutState[] = ["pending", "running", "waiting"];

export async function insertRollout(tx: UnitOfWork, rollout: StoredRollout): Promise<void> {
  await tablesOf<Tables>(tx)
    .insertInto("rollouts")
    .values({
      id: rollout.id,
      organization_id: rollout.organizationId,
      stack_id: rollout.stackId,
      stack_name: rollout.stackName,
      kind: rollout.kind,
      revision: rollout.revision,
      body_digest: rollout.bodyDigest,
      state: rollout.state,
      cause: rollout.cause,
      max_parallel: rollout.maxParallel,
      failure_budget: rollout.failureBudget,
      stable_ms: rollout.stableMs,
      deadline_ms: rollout.deadlineMs,
      recreate_volumes: [...rollout.recreateVolumes],
      cancel_reason: null,
      superseded_by: null,
      created_by: rollout.createdBy,
      created_at: rollout.createdAt,
      started_at: rollout.startedAt ?? null,
      ended_at: rollout.endedAt ?? null,
      wake_at: rollout.wakeAt ?? null,
    })
    .execute();
}

/** @param lock one at a time works on a rollout; the lock ends with the transaction, also when its process dies */
export async function readRollout(
  tx: UnitOfWork,
  rolloutId: string,
  lock: "lock" | "look",
): Promise<StoredRollout | undefined> {
  const select = tablesOf<Tables>(tx).selectFrom("rollouts").selectAll().where("id", "=", rolloutId);
  const row = await (lock === "lock" ? select.forUpdate() : select).executeTakeFirst();
  return row === undefined ? undefined : rolloutOf(row);
}

export async function readStackOf(tx: UnitOfWork, rolloutId: string): Promise<string | undefined> {
  const row = await tablesOf<Tables>(tx)
    .selectFrom("rollouts")
    .select("stack_id")
    .where("id", "=", rolloutId)
    .executeTakeFirst();
  return row?.stack_id;
}

export async function readOpenRolloutOf(tx: UnitOfWork, stackId: string): Promise<StoredRollout | undefined> {
  const row = await tablesOf<Tables>(tx)
    .selectFrom("rollouts")
    .selectAll()
    .where("stack_id", "=", stackId)
    .where("state", "in", OPEN)
    .forUpdate()
    .executeTakeFirst();
  return row === undefined ? undefined : rolloutOf(row);
}

/** Stack → its rollout under way. */
export async function readOpenIds(tx: UnitOfWork, stackIds: readonly string[]): Promise<Map<string, string>> {
  if (stackIds.length === 0) return new Map();
  const rows = await tablesOf<Tables>(tx)
    .selectFrom("rollouts")
    .select(["id", "stack_id"])
    .where("stack_id", "in", [...stackIds])
    .where("state", "in", OPEN)
    .execute();
  return new Map(rows.map((row) => [row.stack_id, row.id]));
}

/** Rollouts under way: all, or those in which time alone may have changed something by `dueBy`. */
export async function readOpenRollouts(
  tx: UnitOfWork,
  dueBy?: Date,
): Promise<{ rolloutId: string; organizationId: string }[]> {
  const open = tablesOf<Tables>(tx)
    .selectFrom("rollouts")
    .select(["id as rolloutId", "organization_id as organizationId"])
    .where("state", "in", OPEN);
  return (dueBy === undefined ? open : open.where("wake_at", "<=", dueBy)).execute();
}

export async function readOpenOfHost(tx: UnitOfWork, hostId: string): Promise<string[]> {
  const answer = await sql<{ rollout_id: string }>`SELECT rollout_id FROM rollout_hosts
    WHERE host_id = ${hostId} AND state IN ('pending', 'not-reached', 'applying', 'checking-health')`.execute(
    tx.queries,
  );
  return answer.rows.map((row) => row.rollout_id);
}

/** Newest first; `before` is the last id of the page before. */
export async function listRollouts(
  tx: UnitOfWork,
  query: { readonly stackId: string; readonly before?: string; readonly limit: number },
): Promise<StoredRollout[]> {
  let select = tablesOf<Tables>(tx).selectFrom("rollouts").selectAll();
  if (query.stackId !== "") select = select.where("stack_id", "=", query.stackId);
  if (query.before !== undefined) select = select.where("id", "<", query.before);
  const rows = await select.orderBy("id", "desc").limit(query.limit).execute();
  return rows.map(rolloutOf);
}

export async function writeStop(
  tx: UnitOfWork,
  rolloutId: string,
  stop: { cancelReason: string } | { supersededBy: string },
): Promise<void> {
  await tablesOf<Tables>(tx)
    .updateTable("rollouts")
    .set("cancelReason" in stop ? { cancel_reason: stop.cancelReason } : { superseded_by: stop.supersededBy })
    .where("id", "=", rolloutId)
    .execute();
}

export async function writeStanding(
  tx: UnitOfWork,
  rolloutId: string,
  standing: { state: RolloutState; cause: string; startedAt?: Date; endedAt?: Date; wakeAt: Date | undefined },
): Promise<void> {
  await tablesOf<Tables>(tx)
    .updateTable("rollouts")
    .set({
      state: standing.state,
      cause: standing.cause,
      wake_at: standing.wakeAt ?? null,
      ...(standing.startedAt === undefined ? {} : { started_at: standing.startedAt }),
      ...(standing.endedAt === undefined ? {} : { ended_at: standing.endedAt }),
    })
    .where("id", "=", rolloutId)
    .execute();
}

function rolloutOf(row: Selectable<RolloutsTable>): StoredRollout {
  return {
    id: row.id,
    organizationId: row.organization_id,
    stackId: row.stack_id,
    stackName: row.stack_name,
    kind: row.kind,
    revision: row.revision,
    bodyDigest: row.body_digest,
    state: row.state,
    cause: row.cause,
    maxParallel: row.max_parallel,
    failureBudget: row.failure_budget,
    stableMs: row.stable_ms,
    deadlineMs: row.deadline_ms,
    recreateVolumes: row.recreate_volumes,
    createdBy: row.created_by,
    createdAt: row.created_at,
    ...(row.cancel_reason === null ? {} : { cancelReason: row.cancel_reason }),
    ...(row.superseded_by === null ? {} : { supersededBy: row.superseded_by }),
    ...(row.started_at === null ? {} : { startedAt: row.started_at }),
    ...(row.ended_at === null ? {} : { endedAt: row.ended_at }),
    ...(row.wake_at === null ? {} : { wakeAt: row.wake_at }),
  };
}
