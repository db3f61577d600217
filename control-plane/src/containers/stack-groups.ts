import { ObservedStack } from "@windflow/proto/agent";
import { sql } from "kysely";
import type { Database, UnitOfWork } from "../platform/index.ts";

/** What of a report the status of a stack is counted by. */
export interface CountedReport {
  readonly revision: number;
  readonly heldRevision: number;
  /** Words of its services' states, each once. */
  readonly serviceStates: readonly string[];
}

/** Hosts that stand alike with a stack. */
export interface StackGroup {
  readonly stackId: string;
  readonly hosts: number;
  readonly presence: string;
  /** When the first of them was last heard of. */
  readonly lastSeenAt: Date | undefined;
  /** 0: it must not be there. */
  readonly desiredRevision: number;
  /** They cannot ask their engines. */
  readonly isBlind: boolean;
  /** Undefined: they report nothing of it. */
  readonly report: CountedReport | undefined;
}

// A word of a state has none in it.
const SEPARATOR = " ";

export function countedReport(report: ObservedStack): CountedReport {
  const { revision, heldRevision, services } = report;
  const words = new Set(services.map(({ state }) => state.replaceAll(SEPARATOR, "-") || "unknown"));
  return { revision, heldRevision, serviceStates: [...words].toSorted() };
}

export function stateText({ serviceStates }: CountedReport): string {
  return serviceStates.join(SEPARATOR);
}

/**
 * The hosts that must run one of the stacks, or report it, by how they stand. Undefined while some reports are from before there
 * was anything to count by.
 */
export async function readStackGroups(
  tx: UnitOfWork,
  stackIds: readonly string[],
): Promise<readonly StackGroup[] | undefined> {
  const { rows } = await sql<GroupRow>`
    SELECT coalesce(d.stack_id, s.stack_id) AS stack_id, coalesce(d.revision, 0) AS desired, h.presence,
      coalesce(o.engine_problem, '') <> '' AS blind, s.host_id IS NOT NULL AND o.host_id IS NOT NULL AS reported,
      s.revision, s.held_revision, s.service_states, count(*)::integer AS hosts, min(h.last_seen_at) AS seen
    FROM (SELECT * FROM host_desired_stacks WHERE stack_id = ANY(${[...stackIds]}::text[])) d
    FULL JOIN (SELECT * FROM observed_stacks WHERE stack_id = ANY(${[...stackIds]}::text[])) s
      ON s.stack_id = d.stack_id AND s.host_id = d.host_id
    JOIN hosts h ON h.id = coalesce(d.host_id, s.host_id)
    LEFT JOIN observed_hosts o ON o.host_id = h.id
    GROUP BY 1, 2, 3, 4, 5, 6, 7, 8`.execute(tx.queries);
  const groups = rows.map(groupOf);
  return groups.every((group) => group !== undefined) ? groups : undefined;
}

interface GroupRow {
  readonly stack_id: string;
  readonly desired: number;
  readonly presence: string;
  readonly blind: boolean;
  readonly reported: boolean;
  readonly revision: number | null;
  readonly held_revision: number | null;
  readonly service_states: string | null;
  readonly hosts: number;
  readonly seen: Date | null;
}

function groupOf(row: GroupRow): StackGroup | undefined {
  const { revision, held_revision: heldRevision, service_states: states } = row;
  const { stack_id: stackId, hosts, presence, desired: desiredRevision, blind: isBlind } = row;
  const base = { stackId, hosts, presence, desiredRevision, isBlind, lastSeenAt: row.seen ?? undefined };
  if (!row.reported) return { ...base, report: undefined };
  if (revision === null || heldRevision === null || states === null) return undefined;
  return { ...base, report: { revision, heldRevision, serviceStates: states === "" ? [] : states.split(SEPARATOR) } };
}

const FILLED_AT_ONCE = 500;

/** Fills what reports are counted by where they were stored without. */
export async function fillCounted(database: Database): Promise<void> {
  for (;;) {
    const filled = await database.asSystem(async (tx) => {
      const { rows } = await sql<{ host_id: string; stack_id: string; report: Buffer }>`
        SELECT host_id, stack_id, report FROM observed_stacks WHERE service_states IS NULL
        ORDER BY host_id, stack_id LIMIT ${FILLED_AT_ONCE} FOR UPDATE`.execute(tx.queries);
      const counted = rows.map((row) => countedReport(ObservedStack.decode(row.report)));
      await sql`UPDATE observed_stacks s SET revision = told.revision, held_revision = told.held, service_states = told.states
        FROM unnest(${rows.map((row) => row.host_id)}::text[], ${rows.map((row) => row.stack_id)}::text[],
          ${counted.map((one) => one.revision)}::integer[], ${counted.map((one) => one.heldRevision)}::integer[],
          ${counted.map(stateText)}::text[]) AS told(host_id, stack_id, revision, held, states)
        WHERE s.host_id = told.host_id AND s.stack_id = told.stack_id`.execute(tx.queries);
      return rows.length;
    });
    if (filled < FILLED_AT_ONCE) return;
  }
}
