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
import { createSubjectNumbers } from "./subjects.ts";
import { createMetricsUpkeep, type MetricsUpkeep } from "./upkeep.ts";

export const DAY_MS = 86_400_000;
export const KEPT_MS: number = 30 * DAY_MS;

/** Metrics on a database of their own, with a clock that stands still; nothing runs by itself. */
export interface TestMetrics {
  readonly platform: Platform;
  /** The way of real hosts: batches of a spool, packed; resolves when they are committed. */
  take(hostId: string, batches: readonly SpoolEntry[]): Promise<void>;
  queryFleet(query: Partial<FleetQuery> & Pick<FleetQuery, "column">): Promise<FleetAnswer>;
  /** Bytes of the tables with their indexes and free space, after a VACUUM as the server does it by itself. */
  bytes(): Promise<MetricBytes>;
  /** For a second control plane. */
  readonly connection: ConnectionSettings;
  readonly fleet: Fleet;
  readonly clock: ManualClock;
  readonly recent: RecentSamples;
  readonly upkeep: MetricsUpkeep;
  /** Everything that came for what is over, also what came late within five minutes since the last time. */
  rollUp(): Promise<void>;
  /** As if the last closing had been long ago. */
  reopen(): Promise<void>;
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
  const numbers = createSubjectNumbers(clock);
  const sink = createSamplesSink({ clock, log, newId: platform.newId, recent, numbers, keptMs: KEPT_MS });
  const { organizationId } = fleet.caller;
  const intake = createSpoolIntake({ database, clock, log, sinks: [sink] });
  const everything = { hostIds: [], hostFilter: "", stackId: "", service: "", groupBy: "", maxPoints: 0 };
  const ofHosts = { kind: "host", aggregation: "average", from: undefined, to: undefined } as const;
  const reopen = async (): Promise<void> => {
    await database.asSystem((tx) =>
      sql`UPDATE metric_slots SET since = since - interval '1 hour' WHERE cutoff IS NULL`.execute(tx.queries),
    );
  };
  return {
    take: async (hostId, entries) => {
      const { signal } = new AbortController();
      const host = { organizationId, hostId, clockSkewMs: 0 };
      await intake.take(host, { spoolId: "spool", entries: [...entries], dropped: 0n }, signal);
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
    reopen,
    rollUp: async () => {
      await reopen();
      await upkeep.rollUp();
    },
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
          JOIN metric_subjects s ON s.id = subject WHERE s.host_id = ${hostId}`.execute(tx.queries);
        return Number(answer.rows[0]?.n);
      }),
    stop: async () => {
      await platform.close();
      await server.stop();
    },
  };
}

export interface MetricBytes {
  /** Samples and what is not rolled up of them. */
  readonly raw: number;
  readonly buckets: number;
  readonly halves: number;
  /** The figures that are kept by column too, of both widths. */
  readonly columns: number;
}

async function tableBytes(connection: ConnectionSettings): Promise<MetricBytes> {
  const client = createClient(connection, "test");
  await client.connect();
  try {
    await client.query("VACUUM");
    const sizeOf = async (...tables: string[]): Promise<number> => {
      const answer = await client.query<{ bytes: string }>(
        "SELECT sum(pg_total_relation_size(relid)) AS bytes FROM unnest($1::text[]) AS t, pg_partition_tree(t::regclass)",
        [tables],
      );
      return Number(answer.rows[0]?.bytes);
    };
    return {
      raw: await sizeOf("metric_samples", "metric_intake"),
      buckets: await sizeOf("metric_buckets"),
      halves: await sizeOf("metric_halves"),
      columns: await sizeOf("metric_column_buckets", "metric_column_halves"),
    };
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
