import { sql } from "kysely";
import type { UnitOfWork } from "../platform/index.ts";
import type { KeptHost, LastAct } from "./plan-kept.ts";

// The states of rollouts under way, and of their hosts that have not come to an end.
const OPEN = ["pending", "running", "waiting", "paused", "rolling-back"];
const HOST_OPEN = ["pending", "not-reached", "applying", "checking-health", "rolling-back"];

/** Whoever decides where stacks go holds this until the end of the transaction: each sees what the other reserved. After the stack's own lock. */
export async function lockPlacement(tx: UnitOfWork): Promise<void> {
  if (tx.organizationId === undefined) throw new TypeError("stacks are placed in a unit of work of one organization");
  await sql`SELECT pg_advisory_xact_lock(hashtext('placement'), hashtext(${tx.organizationId}))`.execute(tx.queries);
}

interface ActRow {
  host_id: string;
  action: "deploy" | "remove" | null;
  state: string | null;
  /** Of the one before it, "action state". */
  before: string | null;
  revision: number | null;
  rollout_state: string | null;
}

/** The hosts that have the stack in their desired state, or are in its rollout under way. */
export async function readKept(tx: UnitOfWork, stackId: string): Promise<Omit<KeptHost, "mayRun">[]> {
  const { rows } = await sql<ActRow & { wanted: boolean }>`
    WITH around AS (
      SELECT host_id FROM host_desired_stacks WHERE stack_id = ${stackId}
      UNION SELECT h.host_id FROM rollout_hosts h JOIN rollouts r ON r.id = h.rollout_id
        WHERE r.stack_id = ${stackId} AND r.state = ANY(${OPEN}) AND r.kind = 'deploy')
    SELECT a.host_id, l.action, l.state, l.before, l.revision, l.rollout_state,
      EXISTS (SELECT 1 FROM host_desired_stacks d WHERE d.host_id = a.host_id AND d.stack_id = ${stackId}) AS wanted
    FROM around a LEFT JOIN LATERAL ${lastActOf(stackId)} l ON true`.execute(tx.queries);
  return rows.map((row) => ({ hostId: row.host_id, wanted: row.wanted, ...actOf(row) }));
}

/** Of these hosts, what the stack's last rollout there was to do; one that it never was on is left out. */
export async function readLastActs(
  tx: UnitOfWork,
  stackId: string,
  hostIds: readonly string[],
): Promise<Omit<KeptHost, "mayRun">[]> {
  if (hostIds.length === 0) return [];
  const { rows } = await sql<ActRow>`SELECT a.host_id, l.* FROM unnest(${[...hostIds]}::text[]) AS a(host_id)
    JOIN LATERAL ${lastActOf(stackId)} l ON true`.execute(tx.queries);
  return rows.map((row) => ({ hostId: row.host_id, wanted: false, ...actOf(row) }));
}

function lastActOf(stackId: string): ReturnType<typeof sql> {
  return sql`(SELECT t.*, lead(t.action || ' ' || t.state) OVER (ORDER BY t.rollout_id DESC) AS before FROM (
      SELECT h.rollout_id, h.action, h.state, r.revision, r.state AS rollout_state
      FROM rollout_hosts h JOIN rollouts r ON r.id = h.rollout_id
      WHERE h.host_id = a.host_id AND r.stack_id = ${stackId} AND r.kind = 'deploy'
      ORDER BY h.rollout_id DESC LIMIT 2) AS t
    ORDER BY t.rollout_id DESC LIMIT 1)`;
}

function actOf(row: ActRow): Pick<KeptHost, "underWay" | "last"> {
  const { action, state, revision } = row;
  if (action === null || state === null) return {};
  // Of a host that is brought back it is not told yet where it ends: as it was before.
  if (HOST_OPEN.includes(state) && state !== "rolling-back") return { underWay: action };
  return { last: { action, revision: revision ?? 0, outcome: outcomeOf(row) } };
}

function outcomeOf({ action, state, before, rollout_state: rollout }: ActRow): LastAct["outcome"] {
  if (state === "succeeded") return "done";
  if (state === "rolled-back" || state === "rolling-back") {
    // Once it may be for another host's failure. Taken back again, the host itself cannot do it: tried on, that would go round for ever.
    return action === "remove" && before === "remove rolled-back" ? "undone" : "taken-back";
  }
  return rollout === "superseded" ? "overtaken" : "undone";
}

/** A body that hosts run or are about to get, with those hosts. */
export interface ReservedBody {
  readonly stackId: string;
  readonly number: number;
  readonly digest: string;
  readonly hostIds: readonly string[];
}

/** Every body of the organization that hosts must run or that rollouts under way bring to them. */
export async function readReservedBodies(tx: UnitOfWork): Promise<ReservedBody[]> {
  if (tx.organizationId === undefined) throw new TypeError("bodies are listed in a unit of work of one organization");
  const { rows } = await sql<{ stack_id: string; revision: number; body_digest: string; host_ids: string[] }>`
    SELECT stack_id, revision, body_digest, array_agg(host_id) AS host_ids FROM (
      SELECT stack_id, revision, body_digest, host_id FROM host_desired_stacks
        WHERE organization_id = ${tx.organizationId}
      UNION SELECT r.stack_id, r.revision, r.body_digest, h.host_id
        FROM rollout_hosts h JOIN rollouts r ON r.id = h.rollout_id
        WHERE r.organization_id = ${tx.organizationId} AND r.state = ANY(${OPEN}) AND r.kind = 'deploy'
          AND h.action = 'deploy' AND h.state = ANY(${HOST_OPEN})) AS reserved
    GROUP BY stack_id, revision, body_digest ORDER BY stack_id, revision`.execute(tx.queries);
  return rows.map((row) => ({
    stackId: row.stack_id,
    number: row.revision,
    digest: row.body_digest,
    hostIds: row.host_ids,
  }));
}

/** A rollout under way, as far as placement asks. */
export interface OpenRollout {
  readonly kind: "deploy" | "remove";
  readonly revision: number;
  readonly isGoingBack: boolean;
}

/** Stack → its rollout under way. */
export async function readOpenOfStacks(tx: UnitOfWork, stackIds: readonly string[]): Promise<Map<string, OpenRollout>> {
  const { rows } = await sql<{ stack_id: string; kind: "deploy" | "remove"; revision: number; state: string }>`
    SELECT stack_id, kind, revision, state FROM rollouts
    WHERE stack_id = ANY(${[...stackIds]}) AND state = ANY(${OPEN})`.execute(tx.queries);
  return new Map(
    rows.map(({ stack_id: stackId, kind, revision, state }) => [
      stackId,
      { kind, revision, isGoingBack: state === "rolling-back" },
    ]),
  );
}

/** Organizations that rolled something out, read as the system. */
export async function readOrganizations(tx: UnitOfWork): Promise<string[]> {
  const { rows } = await sql<{ organization_id: string }>`SELECT DISTINCT organization_id FROM host_desired_stacks
    UNION SELECT organization_id FROM rollouts WHERE state = ANY(${OPEN})`.execute(tx.queries);
  return rows.map((row) => row.organization_id);
}

/** Stack → what its placement is short of; a stack that lacks nothing is left out. */
export async function readShorts(tx: UnitOfWork, stackIds: readonly string[]): Promise<Map<string, string>> {
  if (stackIds.length === 0) return new Map();
  const { rows } = await sql<{ stack_id: string; short: string }>`SELECT stack_id, short FROM placement_shortages
    WHERE stack_id = ANY(${[...stackIds]})`.execute(tx.queries);
  return new Map(rows.map((row) => [row.stack_id, row.short]));
}

/** @param short empty: nothing is missing any more */
export async function writeShort(
  tx: UnitOfWork,
  stack: { readonly id: string; readonly organizationId: string },
  { short, at }: { readonly short: string; readonly at: Date },
): Promise<void> {
  if (short === "") {
    await sql`DELETE FROM placement_shortages WHERE stack_id = ${stack.id}`.execute(tx.queries);
    return;
  }
  await sql`INSERT INTO placement_shortages (stack_id, organization_id, short, changed_at)
    VALUES (${stack.id}, ${stack.organizationId}, ${short}, ${at})
    ON CONFLICT (stack_id) DO UPDATE SET short = excluded.short, changed_at = excluded.changed_at`.execute(tx.queries);
}
