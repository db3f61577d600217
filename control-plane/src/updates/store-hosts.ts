import { sql, type ColumnType, type RawBuilder, type Selectable } from "kysely";
import { tablesOf, type UnitOfWork } from "../platform/index.ts";
import { OPEN_HOST_STATES, type AgentReport, type UpdateHost, type UpdateHostState } from "./model.ts";

interface AgentUpdateHostsTable {
  update_id: string;
  host_id: string;
  organization_id: string;
  host_name: string;
  wave: number;
  state: UpdateHostState;
  cause: string;
  from_version: string;
  retries: number;
  begun: boolean;
  superseded_by: string | null;
  told_at: Date | null;
  window_opens_at: Date | null;
  started_at: Date | null;
  ended_at: Date | null;
  report: ColumnType<AgentReport | null, never, never>;
}
interface Tables {
  agent_update_hosts: AgentUpdateHostsTable;
}

// States in which what an agent says still counts.
const LISTENED: readonly UpdateHostState[] = [...OPEN_HOST_STATES, "timed-out"];
const COLUMNS = sql.raw(
  `host_id text, host_name text, wave integer, state text, cause text, from_version text, retries integer, begun boolean,
   superseded_by text, told_at timestamptz, window_opens_at timestamptz, started_at timestamptz, ended_at timestamptz`,
);

/** In one statement, however many they are. */
export async function insertHosts(
  tx: UnitOfWork,
  update: { readonly id: string; readonly organizationId: string },
  hosts: readonly UpdateHost[],
): Promise<void> {
  await sql`INSERT INTO agent_update_hosts (update_id, organization_id, host_id, host_name, wave, state, cause, from_version,
      retries, begun, superseded_by, told_at, window_opens_at, started_at, ended_at)
    SELECT ${update.id}, ${update.organizationId}, h.host_id, h.host_name, h.wave, h.state, h.cause, h.from_version, h.retries,
      h.begun, h.superseded_by, h.told_at, h.window_opens_at, h.started_at, h.ended_at
    FROM jsonb_to_recordset(${JSON.stringify(hosts.map(columnsOf))}::jsonb) AS h(${COLUMNS})`.execute(tx.queries);
}

/** Everything but what agents report; in one statement. */
export async function writeHosts(tx: UnitOfWork, updateId: string, hosts: readonly UpdateHost[]): Promise<void> {
  if (hosts.length === 0) return;
  // Locked in one order, as reports lock them.
  await sql`WITH v AS (
      SELECT * FROM jsonb_to_recordset(${JSON.stringify(hosts.map(columnsOf))}::jsonb) AS h(${COLUMNS})
    ), locked AS (
      SELECT a.host_id FROM agent_update_hosts a JOIN v ON v.host_id = a.host_id WHERE a.update_id = ${updateId}
      ORDER BY a.host_id FOR NO KEY UPDATE OF a
    )
    UPDATE agent_update_hosts a SET state = v.state, cause = v.cause, retries = v.retries, begun = v.begun,
      superseded_by = v.superseded_by, told_at = v.told_at, window_opens_at = v.window_opens_at, started_at = v.started_at,
      ended_at = v.ended_at
    FROM v JOIN locked ON locked.host_id = v.host_id
    WHERE a.update_id = ${updateId} AND a.host_id = v.host_id`.execute(tx.queries);
}

/** By name. */
export async function readHosts(tx: UnitOfWork, updateId: string): Promise<UpdateHost[]> {
  const rows = await tablesOf<Tables>(tx)
    .selectFrom("agent_update_hosts")
    .selectAll()
    .where("update_id", "=", updateId)
    .orderBy("host_name")
    .orderBy("host_id")
    .execute();
  return rows.map(hostOf);
}

export interface HostsQuery {
  readonly updateId: string;
  /** Empty: all. */
  readonly states: readonly UpdateHostState[];
  /** 0: all. */
  readonly wave: number;
  readonly nameContains: string;
}

export interface ListedUpdateHost extends UpdateHost {
  readonly runningVersion: string;
}

/** By wave, name and id, after the one with these sort values, with what they run now. */
export async function listHosts(
  tx: UnitOfWork,
  query: HostsQuery,
  page: { readonly after?: readonly [number, string, string] | undefined; readonly limit: number },
): Promise<ListedUpdateHost[]> {
  const { rows } = await sql<Selectable<AgentUpdateHostsTable> & { running_version: string | null }>`
    SELECT a.*, h.agent_version AS running_version FROM agent_update_hosts a LEFT JOIN hosts h ON h.id = a.host_id
    WHERE ${matching(query)} AND ${
      page.after === undefined
        ? sql<boolean>`true`
        : sql<boolean>`(a.wave, a.host_name, a.host_id) > (${page.after[0]}, ${page.after[1]}, ${page.after[2]})`
    }
    ORDER BY a.wave, a.host_name, a.host_id LIMIT ${page.limit}`.execute(tx.queries);
  return rows.map((row) => ({ ...hostOf(row), runningVersion: row.running_version ?? "" }));
}

export async function countMatching(tx: UnitOfWork, query: HostsQuery): Promise<number> {
  const { rows } = await sql<{ total: bigint }>`
    SELECT count(*) AS total FROM agent_update_hosts a WHERE ${matching(query)}`.execute(tx.queries);
  return Number(rows[0]?.total ?? 0);
}

function matching({ updateId, states, wave, nameContains }: HostsQuery): RawBuilder<boolean> {
  return sql<boolean>`a.update_id = ${updateId}
    AND (cardinality(${[...states]}::text[]) = 0 OR a.state = ANY(${[...states]}::text[]))
    AND (${wave}::integer = 0 OR a.wave = ${wave}::integer)
    AND position(lower(${nameContains}) IN lower(a.host_name)) > 0`;
}

export interface WaveCount {
  readonly wave: number;
  readonly state: UpdateHostState;
  readonly hosts: number;
}

/** Update → how many of its hosts stand where, by wave. */
export async function countHosts(tx: UnitOfWork, updateIds: readonly string[]): Promise<Map<string, WaveCount[]>> {
  const { rows } = await sql<{ update_id: string; wave: number; state: UpdateHostState; hosts: bigint }>`
    SELECT update_id, wave, state, count(*) AS hosts FROM agent_update_hosts
    WHERE update_id = ANY(${[...updateIds]}::text[]) GROUP BY update_id, wave, state`.execute(tx.queries);
  const counted = rows.map((row) => ({ ...row, hosts: Number(row.hosts) }));
  return Map.groupBy(counted, (row) => row.update_id);
}

/** Updates under way that one of the hosts has a part in, or had until it gave no news. */
export async function readOpenOfHosts(tx: UnitOfWork, hostIds: readonly string[]): Promise<string[]> {
  const { rows } = await sql<{ update_id: string }>`SELECT DISTINCT a.update_id FROM agent_update_hosts a
    JOIN agent_updates u ON u.id = a.update_id AND u.state IN ('pending', 'running', 'waiting', 'paused')
    WHERE a.host_id = ANY(${[...hostIds]}::text[]) AND a.state = ANY(${[...LISTENED]}::text[])`.execute(tx.queries);
  return rows.map((row) => row.update_id);
}

/** Hosts of these that an update under way has. */
export async function readTaken(
  tx: UnitOfWork,
  hostIds: readonly string[],
): Promise<{ updateId: string; hostId: string }[]> {
  const { rows } = await sql<{ updateId: string; hostId: string }>`
    SELECT update_id AS "updateId", host_id AS "hostId" FROM agent_update_hosts
    WHERE host_id = ANY(${[...hostIds]}::text[]) AND state = ANY(${[...OPEN_HOST_STATES]}::text[])
    ORDER BY update_id, host_id`.execute(tx.queries);
  return rows;
}

/** Rows that agents report about, held until the end of the transaction. */
export async function lockReported(
  tx: UnitOfWork,
  wanted: readonly { readonly updateId: string; readonly hostId: string }[],
): Promise<(UpdateHost & { readonly updateId: string })[]> {
  const { rows } = await sql<Selectable<AgentUpdateHostsTable>>`
    SELECT a.* FROM agent_update_hosts a
    JOIN unnest(${wanted.map((one) => one.updateId)}::text[], ${wanted.map((one) => one.hostId)}::text[]) AS w(update_id, host_id)
      ON w.update_id = a.update_id AND w.host_id = a.host_id
    WHERE a.state = ANY(${[...LISTENED]}::text[]) ORDER BY a.host_id, a.update_id FOR NO KEY UPDATE OF a`.execute(
    tx.queries,
  );
  return rows.map((row) => ({ ...hostOf(row), updateId: row.update_id }));
}

export async function writeReports(
  tx: UnitOfWork,
  reports: readonly { readonly updateId: string; readonly hostId: string; readonly report: AgentReport }[],
): Promise<void> {
  if (reports.length === 0) return;
  await sql`UPDATE agent_update_hosts a SET report = v.report
    FROM jsonb_to_recordset(${JSON.stringify(
      reports.map(({ updateId, hostId, report }) => ({ update_id: updateId, host_id: hostId, report })),
    )}::jsonb) AS v(update_id text, host_id text, report jsonb)
    WHERE a.update_id = v.update_id AND a.host_id = v.host_id`.execute(tx.queries);
}

function columnsOf(host: UpdateHost): Record<string, unknown> {
  return {
    host_id: host.hostId,
    host_name: host.hostName,
    wave: host.wave,
    state: host.state,
    cause: host.cause,
    from_version: host.fromVersion,
    retries: host.retries,
    begun: host.begun,
    superseded_by: host.supersededBy,
    told_at: dateText(host.toldAt),
    window_opens_at: dateText(host.windowOpensAt),
    started_at: dateText(host.startedAt),
    ended_at: dateText(host.endedAt),
  };
}

function dateText(ms: number | undefined): string | undefined {
  return ms === undefined ? undefined : new Date(ms).toISOString();
}

function hostOf(row: Selectable<AgentUpdateHostsTable>): UpdateHost {
  return {
    hostId: row.host_id,
    hostName: row.host_name,
    wave: row.wave,
    state: row.state,
    cause: row.cause,
    fromVersion: row.from_version,
    retries: row.retries,
    begun: row.begun,
    ...(row.superseded_by === null ? {} : { supersededBy: row.superseded_by }),
    ...(row.told_at === null ? {} : { toldAt: row.told_at.getTime() }),
    ...(row.window_opens_at === null ? {} : { windowOpensAt: row.window_opens_at.getTime() }),
    ...(row.started_at === null ? {} : { startedAt: row.started_at.getTime() }),
    ...(row.ended_at === null ? {} : { endedAt: row.ended_at.getTime() }),
    ...(row.report === null ? {} : { report: row.report }),
  };
}
