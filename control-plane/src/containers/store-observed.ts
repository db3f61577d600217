import { ObservedContainer, ObservedStack } from "@windflow/proto/agent";
import { sql } from "kysely";
import { tablesOf, type UnitOfWork } from "../platform/index.ts";

interface Tables {
  observed_hosts: {
    host_id: string;
    organization_id: string;
    term: bigint;
    n: bigint;
    observed_at: Date;
    received_at: Date;
    clock_skew_ms: number;
    confirmed_at: Date | null;
    engine_problem: string;
  };
  observed_stacks: {
    host_id: string;
    stack_id: string;
    organization_id: string;
    containers: number;
    report: Buffer;
  };
  observed_containers: {
    host_id: string;
    container_id: string;
    organization_id: string;
    name: string;
    image: string;
    stack_id: string;
    project: string;
    report_sha256: string;
    report: Buffer;
  };
}

/** The hosts came back, and what each reported last still holds. */
export async function confirmObserved(
  tx: UnitOfWork,
  confirmed: { readonly hostIds: readonly string[]; readonly at: Date },
): Promise<void> {
  if (confirmed.hostIds.length === 0) return;
  await tablesOf<Tables>(tx)
    .updateTable("observed_hosts")
    .set({ confirmed_at: confirmed.at })
    .where(sql<boolean>`host_id = ANY(${[...confirmed.hostIds]})`)
    .execute();
}

/** When a host last reported, and about which desired state. */
export interface ObservedHost {
  readonly generation: { readonly term: bigint; readonly n: bigint };
  /** By the host's own clock, as every time in its report. */
  readonly observedAt: Date;
  readonly receivedAt: Date;
  /** Milliseconds that the host's clock was ahead when it reported. */
  readonly clockSkewMs: number;
  /** When it last said so: when the report came, or the host came back and had nothing else to say. */
  readonly confirmedAt: Date;
  /** Set while the host cannot ask its engine: what else is known is old. */
  readonly engineProblem: string;
}

export async function readObservedHosts(
  tx: UnitOfWork,
  hostIds: readonly string[],
): Promise<Map<string, ObservedHost>> {
  if (hostIds.length === 0) return new Map();
  const rows = await tablesOf<Tables>(tx)
    .selectFrom("observed_hosts")
    .selectAll()
    .where(sql<boolean>`host_id = ANY(${[...hostIds]})`)
    .execute();
  return new Map(
    rows.map((row) => [
      row.host_id,
      {
        generation: { term: row.term, n: row.n },
        observedAt: row.observed_at,
        receivedAt: row.received_at,
        clockSkewMs: row.clock_skew_ms,
        confirmedAt: row.confirmed_at ?? row.received_at,
        engineProblem: row.engine_problem,
      },
    ]),
  );
}

export interface ObservedStackRow {
  readonly hostId: string;
  readonly stackId: string;
  /** Containers of the stack that the host has. */
  readonly containers: number;
  readonly report: ObservedStack;
}

export async function readObservedStacks(tx: UnitOfWork, stackIds: readonly string[]): Promise<ObservedStackRow[]> {
  if (stackIds.length === 0) return [];
  const rows = await tablesOf<Tables>(tx)
    .selectFrom("observed_stacks")
    .selectAll()
    .where(sql<boolean>`stack_id = ANY(${[...stackIds]})`)
    .execute();
  return rows.map((row) => ({
    hostId: row.host_id,
    stackId: row.stack_id,
    containers: row.containers,
    report: ObservedStack.decode(row.report),
  }));
}

export interface ObservedContainerRow {
  readonly hostId: string;
  readonly report: ObservedContainer;
}

export async function readContainer(
  tx: UnitOfWork,
  hostId: string,
  containerId: string,
): Promise<ObservedContainerRow | undefined> {
  const row = await tablesOf<Tables>(tx)
    .selectFrom("observed_containers")
    .select("report")
    .where("host_id", "=", hostId)
    .where("container_id", "=", containerId)
    .executeTakeFirst();
  return row === undefined ? undefined : { hostId, report: ObservedContainer.decode(row.report) };
}

export interface ContainerQuery {
  readonly hostId: string;
  readonly stackId: string;
  /** Text in the name or image, whatever its case. */
  readonly text: string;
  readonly after?: { readonly name: string; readonly hostId: string; readonly containerId: string };
  readonly limit: number;
}

/** By name, then host. */
export async function listContainers(
  tx: UnitOfWork,
  query: ContainerQuery,
): Promise<{ rows: ObservedContainerRow[]; total: number }> {
  let matching = tablesOf<Tables>(tx).selectFrom("observed_containers");
  if (query.hostId !== "") matching = matching.where("host_id", "=", query.hostId);
  if (query.stackId !== "") matching = matching.where("stack_id", "=", query.stackId);
  const text = query.text.toLowerCase();
  if (text !== "") {
    matching = matching.where(sql<boolean>`(strpos(lower(name), ${text}) > 0 OR strpos(lower(image), ${text}) > 0)`);
  }
  const { after } = query;
  const page =
    after === undefined
      ? matching
      : matching.where(
          sql<boolean>`(name, host_id, container_id) > (${after.name}, ${after.hostId}, ${after.containerId})`,
        );
  const rows = await page
    .select(["host_id", "report"])
    .orderBy("name")
    .orderBy("host_id")
    .orderBy("container_id")
    .limit(query.limit)
    .execute();
  const counted = await matching.select(sql<bigint>`count(*)`.as("total")).executeTakeFirstOrThrow();
  return {
    rows: rows.map((row) => ({ hostId: row.host_id, report: ObservedContainer.decode(row.report) })),
    total: Number(counted.total),
  };
}

/** Hosts that had containers of the stack when they last reported. */
export async function readHostsWith(tx: UnitOfWork, stackId: string): Promise<string[]> {
  const rows = await tablesOf<Tables>(tx)
    .selectFrom("observed_stacks")
    .select("host_id")
    .where("stack_id", "=", stackId)
    .where("containers", ">", 0)
    .execute();
  return rows.map((row) => row.host_id);
}

/** A port of a host that a container publishes. */
export interface ObservedPortRow {
  readonly hostId: string;
  /** Empty: every address. */
  readonly address: string;
  readonly port: number;
  readonly protocol: string;
}

/** What the containers of the hosts publish, without those of one stack. */
export async function readPublishedPorts(
  tx: UnitOfWork,
  { hostIds, exceptStackId }: { readonly hostIds: readonly string[]; readonly exceptStackId: string },
): Promise<ObservedPortRow[]> {
  const { rows } = await sql<{ host_id: string; report: Buffer }>`SELECT host_id, report FROM observed_containers
    WHERE host_id = ANY(${[...hostIds]}) AND stack_id <> ${exceptStackId}`.execute(tx.queries);
  return rows.flatMap(({ host_id: hostId, report }) =>
    ObservedContainer.decode(report)
      .ports.filter(({ hostPort }) => hostPort > 0)
      .map(({ hostIp, hostPort, protocol }) => ({ hostId, address: hostIp, port: hostPort, protocol })),
  );
}
