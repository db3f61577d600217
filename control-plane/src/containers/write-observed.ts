import { COMPOSE_LABEL } from "@windflow/core";
import { ObservedContainer, ObservedStack, type ObservedState } from "@windflow/proto/agent";
import { sql } from "kysely";
import { sha256Hex, type UnitOfWork } from "../platform/index.ts";
import { countedReport, stateText, type CountedReport } from "./stack-groups.ts";

/** What of a host's report is not as it was. */
export interface ObservedChange {
  readonly stackIds: readonly string[];
  readonly containers: readonly { readonly id: string; readonly change: "created" | "updated" | "deleted" }[];
}

interface Report {
  readonly organizationId: string;
  readonly hostId: string;
  readonly receivedAt: Date;
  readonly clockSkewMs: number;
  readonly state: ObservedState;
}

/**
 * Writes whole reports, each of another host; only rows that differ are written, those of all hosts in the same statements.
 * The answer is in the order of the reports.
 */
export async function writeObserved(tx: UnitOfWork, reports: readonly Report[]): Promise<ObservedChange[]> {
  await writeHosts(tx, reports);
  // While the engine cannot be asked, the lists are empty because nothing is known: what was known is kept.
  const known = reports.filter(({ state }) => state.engineProblem === "");
  const stacks = await writeStacks(tx, known);
  const containers = await writeContainers(tx, known);
  return reports.map(({ hostId }) => ({
    stackIds: stacks.get(hostId) ?? [],
    containers: containers.get(hostId) ?? [],
  }));
}

async function writeHosts(tx: UnitOfWork, reports: readonly Report[]): Promise<void> {
  if (reports.length === 0) return;
  const column = <Value>(of: (report: Report) => Value): Value[] => reports.map(of);
  await sql`INSERT INTO observed_hosts AS o (host_id, organization_id, term, n, observed_at, received_at, clock_skew_ms, engine_problem)
    SELECT * FROM unnest(${column(({ hostId }) => hostId)}::text[], ${column(({ organizationId }) => organizationId)}::text[],
      ${column(({ state }) => state.generation?.term ?? 0n)}::bigint[], ${column(({ state }) => state.generation?.n ?? 0n)}::bigint[],
      ${column(({ state, receivedAt }) => state.at ?? receivedAt)}::timestamptz[], ${column(({ receivedAt }) => receivedAt)}::timestamptz[],
      ${column(({ clockSkewMs }) => clockSkewMs)}::float8[], ${column(({ state }) => state.engineProblem)}::text[])
    ON CONFLICT (host_id) DO UPDATE SET term = excluded.term, n = excluded.n, observed_at = excluded.observed_at,
      received_at = excluded.received_at, clock_skew_ms = excluded.clock_skew_ms, confirmed_at = NULL,
      engine_problem = excluded.engine_problem`.execute(tx.queries);
}

interface StackRow {
  readonly organizationId: string;
  readonly hostId: string;
  readonly stackId: string;
  readonly containers: number;
  readonly report: Buffer;
  readonly counted: CountedReport;
}

/** Host → its stacks that are not as they were, or are gone. */
async function writeStacks(tx: UnitOfWork, reports: readonly Report[]): Promise<Map<string, string[]>> {
  const changed = new Map<string, string[]>();
  if (reports.length === 0) return changed;
  const { rows } = await sql<{ host_id: string; stack_id: string; containers: number; report: Buffer }>`
    SELECT host_id, stack_id, containers, report FROM observed_stacks
    WHERE host_id = ANY(${reports.map(({ hostId }) => hostId)}::text[])`.execute(tx.queries);
  const before = Map.groupBy(rows, (row) => row.host_id);
  const [fresh, gone]: [StackRow[], { hostId: string; stackId: string }[]] = [[], []];
  for (const report of reports) {
    const { hostId } = report;
    const now = stackRowsOf(report);
    const old = new Map((before.get(hostId) ?? []).map((row) => [row.stack_id, row]));
    const differ = [...now.values()].filter((row) => {
      const had = old.get(row.stackId);
      return had?.containers !== row.containers || !had.report.equals(row.report);
    });
    const left = [...old.keys()].filter((stackId) => !now.has(stackId));
    fresh.push(...differ);
    gone.push(...left.map((stackId) => ({ hostId, stackId })));
    changed.set(hostId, [...differ.map(({ stackId }) => stackId), ...left]);
  }
  await upsertStacks(tx, fresh);
  if (gone.length > 0) {
    await sql`DELETE FROM observed_stacks s
      USING unnest(${gone.map((one) => one.hostId)}::text[], ${gone.map((one) => one.stackId)}::text[]) AS gone(host_id, stack_id)
      WHERE s.host_id = gone.host_id AND s.stack_id = gone.stack_id`.execute(tx.queries);
  }
  return changed;
}

/** By stack: a report that names one twice says last what it means. */
function stackRowsOf({ organizationId, hostId, state }: Report): Map<string, StackRow> {
  return new Map(
    [...state.stacks, ...leavingStacks(state)].map((stack) => {
      const { stackId } = stack;
      const containers = state.containers.filter((container) => container.stackId === stackId).length;
      const report = Buffer.from(ObservedStack.encode(stack).finish());
      return [stackId, { organizationId, hostId, stackId, containers, report, counted: countedReport(stack) }];
    }),
  );
}

async function upsertStacks(tx: UnitOfWork, rows: readonly StackRow[]): Promise<void> {
  if (rows.length === 0) return;
  const column = <Value>(of: (row: StackRow) => Value): Value[] => rows.map(of);
  await sql`INSERT INTO observed_stacks (host_id, stack_id, organization_id, containers, report, revision, held_revision, service_states)
    SELECT * FROM unnest(${column((row) => row.hostId)}::text[], ${column((row) => row.stackId)}::text[],
      ${column((row) => row.organizationId)}::text[], ${column((row) => row.containers)}::integer[], ${column((row) => row.report)}::bytea[],
      ${column(({ counted }) => counted.revision)}::integer[], ${column(({ counted }) => counted.heldRevision)}::integer[],
      ${column(({ counted }) => stateText(counted))}::text[])
    ON CONFLICT (host_id, stack_id) DO UPDATE SET containers = excluded.containers, report = excluded.report,
      revision = excluded.revision, held_revision = excluded.held_revision, service_states = excluded.service_states`.execute(
    tx.queries,
  );
}

/** Stacks that the host no longer has to run, but of which containers are left: not off the host before they are gone. */
function leavingStacks(state: ObservedState): ObservedStack[] {
  const wanted = new Set(state.stacks.map((stack) => stack.stackId));
  const left = state.containers.filter(({ stackId }) => stackId !== "" && !wanted.has(stackId));
  const revisions = new Map(left.map(({ stackId, revision }) => [stackId, revision]));
  return [...revisions].map(([stackId, revision]) =>
    ObservedStack.fromPartial({ stackId, revision, converged: false }),
  );
}

interface ContainerRow {
  readonly organizationId: string;
  readonly hostId: string;
  readonly container: ObservedContainer;
  readonly bytes: Buffer;
  readonly digest: string;
}

/** Host → its containers that are not as they were. */
async function writeContainers(
  tx: UnitOfWork,
  reports: readonly Report[],
): Promise<Map<string, ObservedChange["containers"]>> {
  const changed = new Map<string, ObservedChange["containers"]>();
  if (reports.length === 0) return changed;
  const { rows } = await sql<{ host_id: string; container_id: string; report_sha256: string }>`
    SELECT host_id, container_id, report_sha256 FROM observed_containers
    WHERE host_id = ANY(${reports.map(({ hostId }) => hostId)}::text[])`.execute(tx.queries);
  const before = Map.groupBy(rows, (row) => row.host_id);
  const [fresh, gone]: [ContainerRow[], { hostId: string; id: string }[]] = [[], []];
  for (const { organizationId, hostId, state } of reports) {
    const old = new Map((before.get(hostId) ?? []).map((row) => [row.container_id, row.report_sha256]));
    const seen = new Map(state.containers.map((container) => [container.id, container]));
    const differ = [...seen.values()].flatMap((container): ContainerRow[] => {
      const bytes = Buffer.from(ObservedContainer.encode(container).finish());
      const digest = sha256Hex(bytes);
      return old.get(container.id) === digest ? [] : [{ organizationId, hostId, container, bytes, digest }];
    });
    const left = [...old.keys()].filter((id) => !seen.has(id));
    fresh.push(...differ);
    gone.push(...left.map((id) => ({ hostId, id })));
    changed.set(hostId, [
      ...differ.map(({ container: { id } }) => ({
        id,
        change: old.has(id) ? ("updated" as const) : ("created" as const),
      })),
      ...left.map((id) => ({ id, change: "deleted" as const })),
    ]);
  }
  if (gone.length > 0) {
    await sql`DELETE FROM observed_containers c
      USING unnest(${gone.map((one) => one.hostId)}::text[], ${gone.map((one) => one.id)}::text[]) AS gone(host_id, id)
      WHERE c.host_id = gone.host_id AND c.container_id = gone.id`.execute(tx.queries);
  }
  await upsertContainers(tx, fresh);
  return changed;
}

async function upsertContainers(tx: UnitOfWork, rows: readonly ContainerRow[]): Promise<void> {
  if (rows.length === 0) return;
  const column = <Value>(of: (row: ContainerRow) => Value): Value[] => rows.map(of);
  await sql`INSERT INTO observed_containers (host_id, container_id, organization_id, name, image, stack_id, project, report_sha256, report)
    SELECT * FROM unnest(${column((row) => row.hostId)}::text[], ${column(({ container }) => container.id)}::text[],
      ${column((row) => row.organizationId)}::text[], ${column(({ container }) => container.name)}::text[],
      ${column(({ container }) => container.image)}::text[], ${column(({ container }) => container.stackId)}::text[],
      ${column(({ container }) => container.labels[COMPOSE_LABEL.project] ?? "")}::text[],
      ${column((row) => row.digest)}::text[], ${column((row) => row.bytes)}::bytea[])
    ON CONFLICT (host_id, container_id) DO UPDATE SET name = excluded.name, image = excluded.image, stack_id = excluded.stack_id,
      project = excluded.project, report_sha256 = excluded.report_sha256, report = excluded.report`.execute(tx.queries);
}
