import { COMPOSE_LABEL } from "@windflow/core";
import type { ObservedState } from "@windflow/proto/agent";
import { sql } from "kysely";
import { tablesOf, type Clock, type UnitOfWork } from "../platform/index.ts";

/** What a container is, or was, of. */
export interface KnownContainer {
  readonly hostId: string;
  readonly containerId: string;
  readonly name: string;
  /** Empty: of no stack. */
  readonly stackId: string;
  readonly service: string;
}

interface Tables {
  metric_containers: {
    organization_id: string;
    host_id: string;
    container_id: string;
    stack_id: string;
    service: string;
    name: string;
    seen_at: Date;
  };
}

// Written again once a day: "seen" says how long it is kept, and a day more or less is nothing to that.
const WRITTEN_AGAIN_MS = 24 * 60 * 60_000;

interface Report {
  readonly organizationId: string;
  readonly hostId: string;
  readonly state: ObservedState;
}

/** Remembers containers from what hosts of one organization report, in the transaction that stores it. */
export function createContainerMemory(clock: Clock): {
  note(tx: UnitOfWork, reports: readonly Report[]): Promise<void>;
} {
  const hosts = new Map<string, { written: Date; ids: Set<string> }>();
  return {
    note: async (tx, reports) => {
      const now = clock.now();
      const seen = reports.map(({ organizationId, hostId, state }) => {
        const before = hosts.get(hostId);
        const isFresh = before !== undefined && now.getTime() - before.written.getTime() < WRITTEN_AGAIN_MS;
        const unknown = state.containers.filter(({ id }) => !isFresh || !before.ids.has(id));
        const ids = new Set(state.containers.map(({ id }) => id));
        const rows = unknown.map((container) => rowOf({ organizationId, hostId, seenAt: now }, container));
        return { hostId, rows, written: isFresh ? before.written : now, ids };
      });
      await write(
        tx,
        seen.flatMap(({ rows }) => rows),
      );
      tx.afterCommit(() => {
        for (const { hostId, written, ids } of seen) hosts.set(hostId, { written, ids });
      });
    },
  };
}

type Row = Tables["metric_containers"];

function rowOf(
  seen: { readonly organizationId: string; readonly hostId: string; readonly seenAt: Date },
  { id, name, stackId, service, labels }: ObservedState["containers"][number],
): Row {
  return {
    organization_id: seen.organizationId,
    host_id: seen.hostId,
    container_id: id,
    stack_id: stackId,
    service: labels[COMPOSE_LABEL.service] ?? service,
    name,
    seen_at: seen.seenAt,
  };
}

async function write(tx: UnitOfWork, rows: readonly Row[]): Promise<void> {
  if (rows.length === 0) return;
  const column = <Value>(of: (row: Row) => Value): Value[] => rows.map(of);
  await sql`INSERT INTO metric_containers (organization_id, host_id, container_id, stack_id, service, name, seen_at)
    SELECT * FROM unnest(${column((row) => row.organization_id)}::text[], ${column((row) => row.host_id)}::text[],
      ${column((row) => row.container_id)}::text[], ${column((row) => row.stack_id)}::text[],
      ${column((row) => row.service)}::text[], ${column((row) => row.name)}::text[], ${column((row) => row.seen_at)}::timestamptz[])
    ON CONFLICT (host_id, container_id) DO UPDATE SET stack_id = excluded.stack_id, service = excluded.service,
      name = excluded.name, seen_at = excluded.seen_at`.execute(tx.queries);
}

/** Containers of the organization that were there at the time or later. */
export async function knownContainers(
  tx: UnitOfWork,
  query: {
    readonly organizationId: string;
    readonly hostIds: readonly string[];
    readonly stackId: string;
    readonly service: string;
    readonly since: Date;
    readonly limit: number;
  },
): Promise<KnownContainer[]> {
  let select = tablesOf<Tables>(tx)
    .selectFrom("metric_containers")
    .select(["host_id", "container_id", "stack_id", "service", "name"])
    .where("organization_id", "=", query.organizationId)
    .where(sql<boolean>`host_id = ANY(${[...query.hostIds]})`)
    .where("seen_at", ">=", new Date(query.since.getTime() - WRITTEN_AGAIN_MS));
  if (query.stackId !== "") select = select.where("stack_id", "=", query.stackId);
  if (query.service !== "") select = select.where("service", "=", query.service);
  const rows = await select.orderBy("host_id").orderBy("container_id").limit(query.limit).execute();
  return rows.map((row) => ({
    hostId: row.host_id,
    containerId: row.container_id,
    stackId: row.stack_id,
    service: row.service,
    name: row.name,
  }));
}

export async function forgetContainersBefore(tx: UnitOfWork, time: Date): Promise<void> {
  await tablesOf<Tables>(tx).deleteFrom("metric_containers").where("seen_at", "<", time).execute();
}
