import { sql } from "kysely";
import { tablesOf, type UnitOfWork } from "../platform/index.ts";
import type { NewEvent, Severity } from "./model.ts";

export interface EventRow {
  id: string;
  organization_id: string;
  at: Date;
  recorded_at: Date;
  type: string;
  message: string;
  severity: Severity;
  actor: string;
  host_id: string | null;
  stack_id: string | null;
  container_id: string | null;
}
interface Tables {
  events: EventRow;
}

// A statement has at most 65,535 parameters; a row takes eleven of them.
const ROWS_PER_STATEMENT = 1000;

export async function insertEvents(
  tx: UnitOfWork,
  events: readonly (NewEvent & { id: string; recordedAt: Date })[],
): Promise<void> {
  for (let start = 0; start < events.length; start += ROWS_PER_STATEMENT) {
    await insertSome(tx, events.slice(start, start + ROWS_PER_STATEMENT));
  }
}

async function insertSome(
  tx: UnitOfWork,
  events: readonly (NewEvent & { id: string; recordedAt: Date })[],
): Promise<void> {
  await tablesOf<Tables>(tx)
    .insertInto("events")
    .values(
      events.map((event) => ({
        id: event.id,
        organization_id: event.organizationId,
        at: event.at,
        recorded_at: event.recordedAt,
        type: event.type,
        message: event.message,
        severity: event.severity,
        actor: event.actor,
        host_id: event.hostId ?? null,
        stack_id: event.stackId ?? null,
        container_id: event.containerId ?? null,
      })),
    )
    .execute();
}

export interface EventQuery {
  organizationId: string;
  hostId?: string;
  stackId?: string;
  /** Rows older than this one, by time and then id. */
  before?: { at: Date; id: string };
  limit: number;
}

/** An event with the names of what it is about; null for what is gone, or named by nobody. */
export type NamedEventRow = EventRow & { host_name: string | null; stack_name: string | null };

/** Newest first. */
export async function readEvents(tx: UnitOfWork, query: EventQuery): Promise<NamedEventRow[]> {
  // Other domains' tables, read here for the names alone.
  let select = tablesOf<Tables>(tx)
    .selectFrom("events")
    .selectAll("events")
    .select([
      sql<string | null>`(SELECT name FROM hosts WHERE hosts.id = events.host_id)`.as("host_name"),
      sql<string | null>`(SELECT name FROM stacks WHERE stacks.id = events.stack_id)`.as("stack_name"),
    ])
    .where("organization_id", "=", query.organizationId);
  if (query.hostId !== undefined) select = select.where("host_id", "=", query.hostId);
  if (query.stackId !== undefined) select = select.where("stack_id", "=", query.stackId);
  if (query.before !== undefined) {
    select = select.where(sql<boolean>`(at, id) < (${query.before.at}::timestamptz, ${query.before.id})`);
  }
  return select.orderBy("at", "desc").orderBy("id", "desc").limit(query.limit).execute();
}

/** Removes up to `limit` events recorded before `time`; returns how many. */
export async function deleteEventsBefore(tx: UnitOfWork, time: Date, limit: number): Promise<number> {
  const answer = await sql`DELETE FROM events WHERE id IN (
    SELECT id FROM events WHERE recorded_at < ${time} ORDER BY recorded_at LIMIT ${limit})`.execute(tx.queries);
  return Number(answer.numAffectedRows ?? 0n);
}
