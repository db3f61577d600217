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

/** Remembers containers from what hosts report, in the transaction that stores it. */
export function createContainerMemory(clock: Clock): { note(tx: UnitOfWork, report: Report): Promise<void> } {
  const hosts = new Map<string, { written: Date; ids: Set<string> }>();
  return {
    note: async (tx, { organizationId, hostId, state }) => {
      const now = clock.now();
      const before = hosts.get(hostId);
      const isFresh = before !== undefined && now.getTime() - before.written.getTime() < WRITTEN_AGAIN_MS;
      const unknown = state.containers.filter(({ id }) => !isFresh || !before.ids.has(id));
      await write(tx, organizationId, hostId, now, unknown);
      const ids = new Set(state.containers.map(({ id }) => id));
      tx.afterCommit(() => void hosts.set(hostId, { written: isFresh ? before.written : now, ids }));
    },
  };
}

async function write(
  tx: UnitOfWork,
  organizationId: string,
  hostId: string,
  now: Date,
  containers: ObservedState["containers"],
): Promise<void> {
  if (containers.length === 0) return;
  const rows = containers.map(({ id, name, stackId, service, labels }) => ({
    organization_id: organizationId,
    host_id: hostId,
    container_id: id,
    stack_id: stackId,
    service: labels[COMPOSE_LABEL.service] ?? service,
    name,
    seen_at: now,
  }));
  await tablesOf<Tables>(tx)
    .insertInto("metric_containers")
    .values(rows)
    .onConflict((conflict) =>
      conflict.columns(["host_id", "container_id"]).doUpdateSet({
        stack_id: sql`excluded.stack_id`,
        service: sql`excluded.service`,
        name: sql`excluded.name`,
        seen_at: sql`excluded.seen_at`,
      }),
    )
    .execute();
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
