import type { Clock, UnitOfWork } from "../platform/index.ts";
import { decodeAll } from "./compact.ts";
import { BUCKET_MS, kindOf, slice, type Samples, type Subject } from "./model.ts";
import { downSample, shownColumns, type ShownSeries } from "./shape.ts";
import { readChunks, readPendingRaw } from "./store.ts";

export interface MetricsQuery {
  readonly from: Date | undefined;
  readonly to: Date | undefined;
  /** 0 means the default. */
  readonly maxPoints: number;
}

// Samples as they came are kept this long; before that, statistics of 5 minutes.
export const RAW_KEPT_MS: number = 24 * 60 * 60_000;
const DEFAULT_RANGE_MS = 60 * 60_000;
const DEFAULT_POINTS = 400;
// Beyond this many points the averages of 5 minutes are fine enough, and a thousand times less to read.
const RAW_RANGE_MS = 6 * 60 * 60_000;

export async function queryMetrics(
  tx: UnitOfWork,
  subject: Subject,
  query: MetricsQuery,
  { clock, keptMs }: { readonly clock: Clock; readonly keptMs: number },
): Promise<ShownSeries> {
  const now = clock.now().getTime();
  const toMs = query.to?.getTime() ?? now;
  const fromMs = Math.max(query.from?.getTime() ?? toMs - DEFAULT_RANGE_MS, now - keptMs);
  if (fromMs >= toMs) return { atMs: [], stepMs: 0, columns: [] };
  const parts = await readParts(tx, subject, fromMs, toMs, now);
  const { atMs, stepMs, columns } = downSample(parts, { fromMs, toMs }, query.maxPoints || DEFAULT_POINTS);
  return { atMs, stepMs, columns: shownColumns(kindOf(subject), columns) };
}

/** Raw samples where they are kept and wanted so fine, and where they are not rolled up yet; else averages. */
async function readParts(
  tx: UnitOfWork,
  subject: Subject,
  fromMs: number,
  toMs: number,
  now: number,
): Promise<Samples[]> {
  const rawFrom = alignDown(toMs - fromMs > RAW_RANGE_MS ? now - RAW_TAIL_MS : now - RAW_KEPT_MS);
  const raw = await readRaw(tx, subject, Math.max(fromMs, rawFrom), toMs);
  if (fromMs >= rawFrom) return raw;
  const range = { from: new Date(alignDown(fromMs)), to: new Date(Math.min(toMs, rawFrom)) };
  const rolled = await decodeAll(tx, subject, await readChunks(tx, "metric_5m", subject, range));
  const late = await decodeAll(tx, subject, await readPendingRaw(tx, subject, range));
  return [...rolled.map((samples) => slice(samples, 0, 1)), ...late, ...raw];
}

// Statistics are made a minute after their 5 minutes are over, and a replica may be busy.
const RAW_TAIL_MS = 30 * 60_000;

async function readRaw(tx: UnitOfWork, subject: Subject, fromMs: number, toMs: number): Promise<Samples[]> {
  // A chunk begins up to a bucket before its last sample.
  const range = { from: new Date(alignDown(fromMs)), to: new Date(toMs) };
  return decodeAll(tx, subject, await readChunks(tx, "metric_raw", subject, range));
}

function alignDown(ms: number): number {
  return Math.floor(ms / BUCKET_MS) * BUCKET_MS;
}
