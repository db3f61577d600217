import { sql, type ColumnType, type Selectable } from "kysely";
import { tablesOf, type UnitOfWork } from "../platform/index.ts";
import {
  OPEN_HOST_STATES,
  OPEN_STATES,
  type Rollout,
  type RolloutState,
  type RolloutWait,
  type WaveStanding,
} from "./model.ts";
import type { RolloutStrategy } from "./strategy.ts";

/** Why it was made: a person asked for it, hosts came or left, or a person went back to an older revision. */
export type RolloutOrigin = "person" | "placement" | "rollback";

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
  strategy: ColumnType<RolloutStrategy, string, string>;
  waves: ColumnType<WaveStanding[], string, string>;
  origin: RolloutOrigin;
  reason: string;
  waiting_for: RolloutWait | null;
  waiting_until: Date | null;
  paused_by: string | null;
  pause_reason: string;
  roll_back_reason: string | null;
  excused_failures: number;
  ignore_windows: boolean;
  override_local_holds: boolean;
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
  readonly origin: RolloutOrigin;
  /** What a person wrote when it was made. */
  readonly reason: string;
  /** Keys of volumes that its hosts may make anew, without their data. */
  readonly recreateVolumes: readonly string[];
  readonly createdBy: string;
  readonly createdAt: Date;
  readonly startedAt?: Date;
  readonly endedAt?: Date;
  /** When time alone may change something; for whoever takes it up after a crash. */
  readonly wakeAt?: Date;
}

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
      strategy: JSON.stringify(rollout.strategy),
      waves: JSON.stringify(rollout.waves),
      origin: rollout.origin,
      reason: rollout.reason,
      waiting_for: rollout.waitingFor ?? null,
      waiting_until: dateOf(rollout.waitingUntil),
      paused_by: null,
      pause_reason: "",
      roll_back_reason: rollout.rollBackReason ?? null,
      excused_failures: 0,
      ignore_windows: rollout.ignoreWindows,
      override_local_holds: rollout.overrideLocalHolds,
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
    .where("state", "in", [...OPEN_STATES])
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
    .where("state", "in", [...OPEN_STATES])
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
    .where("state", "in", [...OPEN_STATES]);
  return (dueBy === undefined ? open : open.where("wake_at", "<=", dueBy)).execute();
}

/** Rollouts under way that one of the hosts has a part in. */
export async function readOpenOfHosts(tx: UnitOfWork, hostIds: readonly string[]): Promise<string[]> {
  const { rows } = await sql<{ rollout_id: string }>`SELECT DISTINCT rollout_id FROM rollout_hosts
    WHERE host_id = ANY(${[...hostIds]}::text[]) AND state = ANY(${[...OPEN_HOST_STATES]}::text[])`.execute(tx.queries);
  return rows.map((row) => row.rollout_id);
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

/** What people (or a newer rollout) ask of one that is stored; what follows from it is the plan's. */
export interface RolloutWish {
  readonly cancelReason?: string;
  readonly supersededBy?: string;
  readonly rollBackReason?: string;
  /** null: goes on. */
  readonly paused?: { readonly by: string; readonly reason: string } | null;
  readonly waves?: readonly WaveStanding[];
  readonly excusedFailures?: number;
  /** One that had ended goes on. */
  readonly reopen?: true;
}

export async function writeWish(tx: UnitOfWork, rolloutId: string, wish: RolloutWish): Promise<void> {
  const { cancelReason, supersededBy, rollBackReason, paused, waves, excusedFailures, reopen } = wish;
  await tablesOf<Tables>(tx)
    .updateTable("rollouts")
    .set({
      ...(cancelReason === undefined ? {} : { cancel_reason: cancelReason }),
      ...(supersededBy === undefined ? {} : { superseded_by: supersededBy }),
      ...(rollBackReason === undefined ? {} : { roll_back_reason: rollBackReason }),
      ...(paused === undefined ? {} : { paused_by: paused?.by ?? null, pause_reason: paused?.reason ?? "" }),
      ...(waves === undefined ? {} : { waves: JSON.stringify(waves) }),
      ...(excusedFailures === undefined ? {} : { excused_failures: excusedFailures }),
      ...(reopen === undefined ? {} : { state: "running" as const, cause: "it goes on", ended_at: null }),
    })
    .where("id", "=", rolloutId)
    .execute();
}

export async function writeStanding(
  tx: UnitOfWork,
  rolloutId: string,
  { wakeAt, ...standing }: Omit<StoredRollout, "wakeAt"> & { readonly wakeAt: Date | undefined },
): Promise<void> {
  await tablesOf<Tables>(tx)
    .updateTable("rollouts")
    .set({
      state: standing.state,
      cause: standing.cause,
      waves: JSON.stringify(standing.waves),
      waiting_for: standing.waitingFor ?? null,
      waiting_until: dateOf(standing.waitingUntil),
      roll_back_reason: standing.rollBackReason ?? null,
      wake_at: wakeAt ?? null,
      ...(standing.startedAt === undefined ? {} : { started_at: standing.startedAt }),
      ...(standing.endedAt === undefined ? {} : { ended_at: standing.endedAt }),
    })
    .where("id", "=", rolloutId)
    .execute();
}

/** The last rollout of the stack, whatever became of it. */
export async function readNewestId(tx: UnitOfWork, stackId: string): Promise<string | undefined> {
  const row = await tablesOf<Tables>(tx)
    .selectFrom("rollouts")
    .select((eb) => eb.fn.max("id").as("id"))
    .where("stack_id", "=", stackId)
    .executeTakeFirst();
  return row?.id ?? undefined;
}

function dateOf(ms: number | undefined): Date | null {
  return ms === undefined ? null : new Date(ms);
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
    strategy: row.strategy,
    waves: row.waves,
    origin: row.origin,
    reason: row.reason,
    excusedFailures: row.excused_failures,
    ignoreWindows: row.ignore_windows,
    overrideLocalHolds: row.override_local_holds,
    recreateVolumes: row.recreate_volumes,
    createdBy: row.created_by,
    createdAt: row.created_at,
    ...(row.waiting_for === null ? {} : { waitingFor: row.waiting_for }),
    ...(row.waiting_until === null ? {} : { waitingUntil: row.waiting_until.getTime() }),
    ...(row.paused_by === null ? {} : { paused: { by: row.paused_by, reason: row.pause_reason } }),
    ...(row.roll_back_reason === null ? {} : { rollBackReason: row.roll_back_reason }),
    ...(row.cancel_reason === null ? {} : { cancelReason: row.cancel_reason }),
    ...(row.superseded_by === null ? {} : { supersededBy: row.superseded_by }),
    ...(row.started_at === null ? {} : { startedAt: row.started_at }),
    ...(row.ended_at === null ? {} : { endedAt: row.ended_at }),
    ...(row.wake_at === null ? {} : { wakeAt: row.wake_at }),
  };
}
