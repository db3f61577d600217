import { packSamples } from "@windflow/core";
import type { SampleBatch, SpoolEntry } from "@windflow/proto/agent";
import { sql } from "kysely";
import { createSpoolIntake } from "../agents/spool.ts";
import { createClient } from "../platform/db/connection.ts";
import {
  createLog,
  manualClock,
  openPlatform,
  type ConnectionSettings,
  type ManualClock,
  type Platform,
} from "../platform/index.ts";
import { startTestDatabase } from "../testing/database.ts";
import { createFleet, type Fleet } from "../testing/fleet.ts";
import { createSamplesSink } from "./ingest.ts";
import { queryFleetMetrics, type FleetAnswer, type FleetQuery } from "./query-fleet.ts";
import { queryMetrics } from "./query.ts";
import { createRecentSamples, type RecentSamples } from "./recent.ts";
import type { ShownSeries } from "./shape.ts";
import { createMetricsUpkeep, type MetricsUpkeep } from "./upkeep.ts";

export const DAY_MS = 86_400_000;
export const KEPT_MS: number = 30 * DAY_MS;

/** Metrics on a database of their own, with a clock that stands still; nothing runs by itself. */
export interface TestMetrics {
  readonly platform: Platform;
  /** The way of real hosts: a packed batch of a spool; resolves when it is committed. */
  take(hostId: string, sequence: number, batch: SampleBatch): Promise<void>;
  queryFleet(query: Partial<FleetQuery> & Pick<FleetQuery, "column">): Promise<FleetAnswer>;
  /** Bytes of the tables of samples and of statistics, with their indexes, after a VACUUM as the server does it by itself. */
  bytes(): Promise<{ raw: number; statistics: number }>;
  /** For a second control plane. */
  readonly connection: ConnectionSettings;
  readonly fleet: Fleet;
  readonly clock: ManualClock;
  readonly recent: RecentSamples;
  readonly upkeep: MetricsUpkeep;
  readonly ingest: (hostId: string, ...batches: SampleBatch[]) => Promise<void>;
  readonly query: (hostId: string, more?: TestQuery) => Promise<ShownSeries>;
  readonly rows: (table: string, hostId: string) => Promise<number>;
  stop(): Promise<void>;
}

export interface TestQuery {
  readonly from?: Date;
  readonly to?: Date;
  readonly maxPoints?: number;
  readonly containerId?: string;
}

export async function startTestMetrics(start: number): Promise<TestMetrics> {
  const log = createLog({ level: "silent" });
  const clock = manualClock(new Date(start));
  const server = await startTestDatabase(log);
  const platform = await openPlatform({ connection: server.connection, clock, log });
  const { database, jobs } = platform;
  const recent = createRecentSamples();
  const fleet = await createFleet(platform);
  const upkeep = createMetricsUpkeep({ database, clock, log, jobs, recent, keptMs: KEPT_MS });
  await upkeep.retain();
  const sink = createSamplesSink({ clock, log, newId: platform.newId, recent, keptMs: KEPT_MS });
  const { organizationId } = fleet.caller;
  const intake = createSpoolIntake({ database, clock, log, sinks: [sink] });
  const everything = { hostIds: [], hostFilter: "", stackId: "", service: "", groupBy: "", maxPoints: 0 };
  const ofHosts = { kind: "host", aggregation: "average", from: undefined, to: undefined } as const;
  return {
    take: async (hostId, sequence, batch) => {
      const value = packSamples(batch);
      const entry: SpoolEntry = { sequence: BigInt(sequence), at: clock.now(), kind: { $case: "samples", value } };
      const { signal } = new AbortController();
      await intake.take(
        { organizationId, hostId, clockSkewMs: 0 },
        { spoolId: "spool", entries: [entry], dropped: 0n },
        signal,
      );
    },
    queryFleet: (query) =>
      database.inOrganization(fleet.caller, (tx) =>
        queryFleetMetrics(tx, organizationId, { ...everything, ...ofHosts, ...query }, { clock, keptMs: KEPT_MS }),
      ),
    bytes: () => tableBytes(server.connection),
    platform,
    connection: server.connection,
    fleet,
    clock,
    recent,
    upkeep,
    ingest: (hostId, ...batches) => {
      const entries = batches.map((value, i): SpoolEntry => {
        return { sequence: BigInt(i + 1), at: clock.now(), kind: { $case: "samples", value } };
      });
      return database.inOrganization(fleet.caller, (tx) =>
        sink.store(tx, [{ organizationId, hostId, spoolId: "spool", entries }]),
      );
    },
    query: (hostId, { containerId = "", from, to, maxPoints = 0 } = {}) =>
      database.inOrganization(fleet.caller, (tx) =>
        queryMetrics(tx, { hostId, containerId }, { from, to, maxPoints }, { clock, keptMs: KEPT_MS }),
      ),
    rows: (table, hostId) =>
      database.asSystem(async (tx) => {
        const answer = await sql<{ n: bigint }>`SELECT count(*) AS n FROM ${sql.table(table)}
          WHERE host_id = ${hostId}`.execute(tx.queries);
        return Number(answer.rows[0]?.n);
      }),
    stop: async () => {
      await platform.close();
      await server.stop();
    },
  };
}

async function tableBytes(connection: ConnectionSettings): Promise<{ raw: number; statistics: number }> {
  const client = createClient(connection, "test");
  await client.connect();
  try {
    await client.query("VACUUM");
    const sizeOf = async (table: string): Promise<number> => {
      const answer = await client.query<{ bytes: string }>(
        "SELECT sum(pg_total_relation_size(relid)) AS bytes FROM pg_partition_tree($1)",
        [table],
      );
      return Number(answer.rows[0]?.bytes);
    };
    return { raw: await sizeOf("metric_raw"), statistics: await sizeOf("metric_5m") };
  } finally {
    await client.end();
  }
}

/** Samples every 5 s of a host with two network interfaces. */
export function batchOf(fromMs: number, values: number[], more: Partial<SampleBatch> = {}): SampleBatch {
  return {
    containerId: "",
    atMs: values.map((_, i) => BigInt(fromMs + i * 5000)),
    columns: [
      { name: "cpu_used_ratio", values },
      { name: "network_receive_bytes_per_second:eth0", values: values.map(() => 1000) },
      { name: "network_receive_bytes_per_second:eth1", values: values.map(() => 500) },
    ],
    packedColumns: new Uint8Array(0),
    ...more,
  };
}

export function columnOf(series: ShownSeries, name: string): number[] {
  return series.columns.find((one) => one.name === name)?.values ?? [];
}
