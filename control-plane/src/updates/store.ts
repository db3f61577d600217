import { sql, type ColumnType, type Selectable } from "kysely";
import { tablesOf, type UnitOfWork } from "../platform/index.ts";
import type { RolloutStrategy, RolloutWait, WaveStanding } from "../rollouts/index.ts";
import type { AgentUpdate, ReleaseFacts, UpdateState } from "./model.ts";

interface AgentUpdatesTable {
  id: string;
  organization_id: string;
  release: ColumnType<ReleaseFacts, string, never>;
  sums: Uint8Array;
  signature: Uint8Array;
  permit: Uint8Array;
  permit_signature: Uint8Array;
  state: UpdateState;
  cause: string;
  strategy: ColumnType<RolloutStrategy, string, never>;
  waves: ColumnType<WaveStanding[], string, string>;
  waiting_for: RolloutWait | null;
  waiting_until: Date | null;
  paused_by: string | null;
  pause_reason: string;
  excused_failures: number;
  ignore_windows: boolean;
  cancel_reason: string | null;
  reason: string;
  created_by: string;
  created_at: Date;
  ended_at: Date | null;
  wake_at: Date | null;
}
interface Tables {
  agent_updates: AgentUpdatesTable;
}

/** An update as it is stored: what planning needs, and what people want to read. */
export interface StoredUpdate extends AgentUpdate {
  readonly organizationId: string;
  readonly reason: string;
  readonly createdBy: string;
  readonly createdAt: Date;
  /** Milliseconds since 1970. */
  readonly endedAt?: number;
}

/** What agents are handed with it, as it came with the release. */
export interface Proofs {
  readonly sums: Uint8Array;
  readonly signature: Uint8Array;
  readonly permit: Uint8Array;
  readonly permitSignature: Uint8Array;
}

const OPEN: readonly UpdateState[] = ["pending", "running", "waiting", "paused"];

export async function insertUpdate(tx: UnitOfWork, update: StoredUpdate, proofs: Proofs): Promise<void> {
  await tablesOf<Tables>(tx)
    .insertInto("agent_updates")
    .values({
      id: update.id,
      organization_id: update.organizationId,
      release: JSON.stringify(update.release),
      sums: proofs.sums,
      signature: proofs.signature,
      permit: proofs.permit,
      permit_signature: proofs.permitSignature,
      strategy: JSON.stringify(update.strategy),
      ignore_windows: update.ignoreWindows,
      reason: update.reason,
      created_by: update.createdBy,
      created_at: update.createdAt,
      wake_at: null,
      ...standingColumns(update),
    })
    .execute();
}

/** @param lock one at a time works on an update; the lock ends with the transaction, also when its process dies */
export async function readUpdate(
  tx: UnitOfWork,
  updateId: string,
  lock: "lock" | "look",
): Promise<StoredUpdate | undefined> {
  const select = tablesOf<Tables>(tx).selectFrom("agent_updates").selectAll().where("id", "=", updateId);
  const row = await (lock === "lock" ? select.forUpdate() : select).executeTakeFirst();
  return row === undefined ? undefined : updateOf(row);
}

export async function writeUpdate(tx: UnitOfWork, update: StoredUpdate, wakeAt: number | undefined): Promise<void> {
  await tablesOf<Tables>(tx)
    .updateTable("agent_updates")
    .set({ ...standingColumns(update), wake_at: dateOf(wakeAt) })
    .where("id", "=", update.id)
    .execute();
}

/** Newest first; `before` is the last id of the page before. */
export async function listUpdates(
  tx: UnitOfWork,
  page: { readonly before?: string; readonly limit: number },
): Promise<StoredUpdate[]> {
  let select = tablesOf<Tables>(tx).selectFrom("agent_updates").selectAll();
  if (page.before !== undefined) select = select.where("id", "<", page.before);
  return (await select.orderBy("id", "desc").limit(page.limit).execute()).map(updateOf);
}

/** Updates under way: all, or those in which time alone may have changed something by `dueBy`. */
export async function readOpenUpdates(
  tx: UnitOfWork,
  dueBy: Date | undefined,
): Promise<{ id: string; organizationId: string }[]> {
  const open = tablesOf<Tables>(tx)
    .selectFrom("agent_updates")
    .select(["id", "organization_id as organizationId"])
    .where("state", "in", [...OPEN]);
  return (dueBy === undefined ? open : open.where("wake_at", "<=", dueBy)).execute();
}

/** What agents are handed with the updates. */
export async function readProofs(
  tx: UnitOfWork,
  updateIds: readonly string[],
): Promise<Map<string, Proofs & { readonly release: ReleaseFacts; readonly stableMs: number }>> {
  const rows = await tablesOf<Tables>(tx)
    .selectFrom("agent_updates")
    .select(["id", "release", "sums", "signature", "permit", "permit_signature", "strategy"])
    .where(sql<boolean>`id = ANY(${[...updateIds]}::text[])`)
    .execute();
  return new Map(
    rows.map(({ id, release, sums, signature, permit, permit_signature: permitSignature, strategy }) => [
      id,
      { release, sums, signature, permit, permitSignature, stableMs: strategy.gate.stableMs },
    ]),
  );
}

// "updt" in ASCII: the first half of the key under which an organization's updates are begun one at a time.
const UPDATES_LOCK = 0x75706474;

/** Nobody else begins an update in the organization until the end of the transaction. */
export async function lockUpdates(tx: UnitOfWork, organizationId: string): Promise<void> {
  await sql`SELECT pg_advisory_xact_lock(${UPDATES_LOCK}, hashtext(${organizationId}))`.execute(tx.queries);
}

function standingColumns(update: StoredUpdate) {
  return {
    state: update.state,
    cause: update.cause,
    waves: JSON.stringify(update.waves),
    waiting_for: update.waitingFor ?? null,
    waiting_until: dateOf(update.waitingUntil),
    paused_by: update.paused?.by ?? null,
    pause_reason: update.paused?.reason ?? "",
    excused_failures: update.excusedFailures,
    cancel_reason: update.cancelReason ?? null,
    ended_at: dateOf(update.endedAt),
  };
}

function updateOf(row: Selectable<AgentUpdatesTable>): StoredUpdate {
  return {
    id: row.id,
    organizationId: row.organization_id,
    release: row.release,
    state: row.state,
    cause: row.cause,
    strategy: row.strategy,
    waves: row.waves,
    excusedFailures: row.excused_failures,
    ignoreWindows: row.ignore_windows,
    reason: row.reason,
    createdBy: row.created_by,
    createdAt: row.created_at,
    ...(row.waiting_for === null ? {} : { waitingFor: row.waiting_for }),
    ...(row.waiting_until === null ? {} : { waitingUntil: row.waiting_until.getTime() }),
    ...(row.paused_by === null ? {} : { paused: { by: row.paused_by, reason: row.pause_reason } }),
    ...(row.cancel_reason === null ? {} : { cancelReason: row.cancel_reason }),
    ...(row.ended_at === null ? {} : { endedAt: row.ended_at.getTime() }),
  };
}

function dateOf(ms: number | undefined): Date | null {
  return ms === undefined ? null : new Date(ms);
}
