import { sql, type RawBuilder, type Selectable } from "kysely";
import { tablesOf, type UnitOfWork } from "../platform/index.ts";
import type { RolloutHost, RolloutHostState } from "./model.ts";

interface RolloutHostsTable {
  rollout_id: string;
  host_id: string;
  organization_id: string;
  host_name: string;
  action: "deploy" | "remove";
  state: RolloutHostState;
  cause: string;
  previous_revision: number;
  term: bigint | null;
  n: bigint | null;
  deadline_at: Date | null;
  window_opens_at: Date | null;
  wave: number;
  retries: number;
  started_at: Date | null;
  ended_at: Date | null;
}
interface Tables {
  rollout_hosts: RolloutHostsTable;
}

export interface StoredRolloutHost extends RolloutHost {
  readonly startedAt?: Date;
  readonly endedAt?: Date;
}

// One row a host and 16 columns: below the 65,535 parameters of a statement.
const ROWS_PER_INSERT = 4000;

export async function insertHosts(
  tx: UnitOfWork,
  rollout: { readonly rolloutId: string; readonly organizationId: string },
  hosts: readonly StoredRolloutHost[],
): Promise<void> {
  for (let from = 0; from < hosts.length; from += ROWS_PER_INSERT) {
    await tablesOf<Tables>(tx)
      .insertInto("rollout_hosts")
      .values(
        hosts.slice(from, from + ROWS_PER_INSERT).map((host) => ({
          rollout_id: rollout.rolloutId,
          host_id: host.hostId,
          organization_id: rollout.organizationId,
          host_name: host.hostName,
          action: host.action,
          state: host.state,
          cause: host.cause,
          previous_revision: host.previousRevision,
          term: host.generation?.term ?? null,
          n: host.generation?.n ?? null,
          deadline_at: dateOf(host.deadlineAt),
          window_opens_at: dateOf(host.windowOpensAt),
          wave: host.wave,
          retries: host.retries,
          started_at: host.startedAt ?? null,
          ended_at: host.endedAt ?? null,
        })),
      )
      .execute();
  }
}

/** By name. */
export async function readHosts(tx: UnitOfWork, rolloutId: string): Promise<StoredRolloutHost[]> {
  const rows = await tablesOf<Tables>(tx)
    .selectFrom("rollout_hosts")
    .selectAll()
    .where("rollout_id", "=", rolloutId)
    .orderBy("host_name")
    .orderBy("host_id")
    .execute();
  return rows.map(hostOf);
}

/** At most so many, by name: those that failed first, then those under way, not reached, to come, done. */
export async function readForemost(tx: UnitOfWork, rolloutId: string, limit: number): Promise<StoredRolloutHost[]> {
  const rows = await tablesOf<Tables>(tx)
    .selectFrom("rollout_hosts")
    .selectAll()
    .where("rollout_id", "=", rolloutId)
    .orderBy(
      sql`CASE WHEN state IN ('failed', 'rollback-failed') THEN 0
        WHEN state IN ('applying', 'checking-health', 'rolling-back') THEN 1
        WHEN state = 'not-reached' THEN 2 WHEN state = 'pending' THEN 3 ELSE 4 END`,
    )
    .orderBy("wave")
    .orderBy("host_name")
    .orderBy("host_id")
    .limit(limit)
    .execute();
  return rows.map(hostOf).toSorted((a, b) => compare(a.hostName, b.hostName) || compare(a.hostId, b.hostId));
}

export interface HostsFilter {
  readonly rolloutId: string;
  /** Empty: all. */
  readonly states: readonly RolloutHostState[];
  /** 0: all. */
  readonly wave: number;
  readonly nameContains: string;
}

/** Hosts of a rollout by wave and name, after the one with these sort values. */
export async function listHosts(
  tx: UnitOfWork,
  filter: HostsFilter,
  page: { readonly after?: HostSortValues; readonly limit: number },
): Promise<StoredRolloutHost[]> {
  let query = tablesOf<Tables>(tx).selectFrom("rollout_hosts").selectAll().where(matching(filter));
  if (page.after !== undefined) {
    const [wave, name, id] = page.after;
    query = query.where(sql<boolean>`(wave, host_name, host_id) > (${wave}, ${name}, ${id})`);
  }
  const rows = await query.orderBy("wave").orderBy("host_name").orderBy("host_id").limit(page.limit).execute();
  return rows.map(hostOf);
}

/** Wave, name, id. */
export type HostSortValues = readonly [number, string, string];

export async function countMatching(tx: UnitOfWork, filter: HostsFilter): Promise<number> {
  const { total } = await tablesOf<Tables>(tx)
    .selectFrom("rollout_hosts")
    .select(({ fn }) => fn.countAll<bigint>().as("total"))
    .where(matching(filter))
    .executeTakeFirstOrThrow();
  return Number(total);
}

function matching({ rolloutId, states, wave, nameContains }: HostsFilter): RawBuilder<boolean> {
  return sql<boolean>`rollout_id = ${rolloutId}
    AND (cardinality(${states}::text[]) = 0 OR state = ANY(${states}::text[]))
    AND (${wave}::integer = 0 OR wave = ${wave}::integer)
    AND position(lower(${nameContains}) IN lower(host_name)) > 0`;
}

const compare = (a: string, b: string): number => (a < b ? -1 : Number(a > b));

/** Writes the hosts in one statement, however many they are. */
export async function writeHosts(
  tx: UnitOfWork,
  rolloutId: string,
  hosts: readonly StoredRolloutHost[],
): Promise<void> {
  if (hosts.length === 0) return;
  await sql`UPDATE rollout_hosts h SET state = v.state, cause = v.cause, term = v.term, n = v.n, retries = v.retries,
      action = v.action, wave = v.wave, deadline_at = v.deadline_at, window_opens_at = v.window_opens_at,
      started_at = v.started_at, ended_at = v.ended_at
    FROM unnest(
      ${hosts.map((host) => host.hostId)}::text[],
      ${hosts.map((host) => host.state)}::text[],
      ${hosts.map((host) => host.cause)}::text[],
      ${hosts.map((host) => host.generation?.term ?? null)}::bigint[],
      ${hosts.map((host) => host.generation?.n ?? null)}::bigint[],
      ${hosts.map((host) => host.retries)}::integer[],
      ${hosts.map((host) => host.action)}::text[],
      ${hosts.map((host) => host.wave)}::integer[],
      ${hosts.map((host) => dateOf(host.deadlineAt))}::timestamptz[],
      ${hosts.map((host) => dateOf(host.windowOpensAt))}::timestamptz[],
      ${hosts.map((host) => host.startedAt ?? null)}::timestamptz[],
      ${hosts.map((host) => host.endedAt ?? null)}::timestamptz[]
    ) AS v(host_id, state, cause, term, n, retries, action, wave, deadline_at, window_opens_at, started_at, ended_at)
    WHERE h.rollout_id = ${rolloutId} AND h.host_id = v.host_id`.execute(tx.queries);
}

function dateOf(ms: number | undefined): Date | null {
  return ms === undefined ? null : new Date(ms);
}

function hostOf(row: Selectable<RolloutHostsTable>): StoredRolloutHost {
  return {
    hostId: row.host_id,
    hostName: row.host_name,
    action: row.action,
    wave: row.wave,
    state: row.state,
    cause: row.cause,
    previousRevision: row.previous_revision,
    retries: row.retries,
    touched: row.started_at !== null,
    ...(row.term === null || row.n === null ? {} : { generation: { term: row.term, n: row.n } }),
    ...(row.deadline_at === null ? {} : { deadlineAt: row.deadline_at.getTime() }),
    ...(row.window_opens_at === null ? {} : { windowOpensAt: row.window_opens_at.getTime() }),
    ...(row.started_at === null ? {} : { startedAt: row.started_at }),
    ...(row.ended_at === null ? {} : { endedAt: row.ended_at }),
  };
}
