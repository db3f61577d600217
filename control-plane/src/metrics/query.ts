import type { Clock, UnitOfWork } from "../platform/index.ts";
import { decodeAll } from "./compact.ts";
import { BUCKET_MS, kindOf, slice, type Samples, type Subject } from "./model.ts";
import { downSample, shownColumns, type ShownSeries } from "./shape.ts";
import { readChunks } from "./store.ts";

export interface MetricsQuery {
  readonly from: Date | undefined;
  readonly to: Date | undefined;
  /** 0 means the default. */
  readonly maxPoints: number;
}

// Samples as they came are kept this long; before that, averages of 5 minutes.
export const RAW_KEPT_MS: number = 24 * 60 * 60_000;
export const ROLLED_KEPT_MS: number = 30 * 24 * 60 * 60_000;
const DEFAULT_RANGE_MS = 60 * 60_000;
const DEFAULT_POINTS = 400;
// Beyond this many points the averages of 5 minutes are fine enough, and a thousand times less to read.
const RAW_RANGE_MS = 6 * 60 * 60_000;

export async function queryMetrics(
  tx: UnitOfWork,
  subject: Subject,
  query: MetricsQuery,
  clock: Clock,
): Promise<ShownSeries> {
  const now = clock.now().getTime();
  const toMs = query.to?.getTime() ?? now;
  const fromMs = Math.max(query.from?.getTime() ?? toMs - DEFAULT_RANGE_MS, now - ROLLED_KEPT_MS);
  if (fromMs >= toMs) return { atMs: [], stepMs: 0, columns: [] };
  const parts = await readParts(tx, subject, fromMs, toMs, now);
  const { atMs, stepMs, columns } = downSample(parts, { fromMs, toMs }, query.maxPoints || DEFAULT_POINTS);
  return { atMs, stepMs, columns: shownColumns(kindOf(subject), columns) };
}

/** Raw samples where they are kept and wanted so fine; else averages, up to where those have been made. */
async function readParts(
  tx: UnitOfWork,
  subject: Subject,
  fromMs: number,
  toMs: number,
  now: number,
): Promise<Samples[]> {
  const rawFrom = toMs - fromMs > RAW_RANGE_MS ? now - RAW_TAIL_MS : now - RAW_KEPT_MS;
  const rolled =
    fromMs < rawFrom ? await read(tx, "metric_5m", subject, fromMs, Math.min(toMs, alignDown(rawFrom))) : [];
  const averages = rolled.map((samples) => slice(samples, 0, 1));
  const raw = await read(tx, "metric_raw", subject, Math.max(fromMs, alignDown(rawFrom)), toMs);
  return [...averages, ...raw];
}

// Averages are made a minute after their 5 minutes are over, and a replica may be busy.
const RAW_TAIL_MS = 30 * 60_000;

async function read(
  tx: UnitOfWork,
  table: "metric_raw" | "metric_5m",
  subject: Subject,
  fromMs: number,
  toMs: number,
): Promise<Samples[]> {
  // A chunk begins up to a bucket before its last sample.
  const range = { from: new Date(alignDown(fromMs)), to: new Date(toMs) };
  return decodeAll(tx, subject, await readChunks(tx, table, subject, range));
}

function alignDown(ms: number): number {
  return Math.floor(ms / BUCKET_MS) * BUCKET_MS;
}
