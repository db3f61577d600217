import type { UnitOfWork } from "../platform/index.ts";
import { samplesOfStored } from "./batches.ts";
import { decodeChunk } from "./codec.ts";
import { storedColumnsOf } from "./fleet-shape.ts";
import { namesOf } from "./layouts.ts";
import { bucketOf, keyOf, kindOf, mergeSamples, type Samples, type Subject, type SubjectKind } from "./model.ts";
import { shownColumns } from "./shape.ts";
import { readIntake } from "./store-intake.ts";
import { readTier } from "./store-tiers.ts";
import { findSubjects } from "./subjects.ts";

/** What a figure was over a time: its bounds, and its last value. */
export interface FigureBounds {
  readonly maximum: number;
  readonly minimum: number;
  readonly last: number;
  /** Milliseconds since 1970, of the last sample that had it. */
  readonly lastMs: number;
}

export interface FigureQuestion {
  /** Hosts, or containers. */
  readonly kind: SubjectKind;
  /** As the API names it: "cpu_percent", "memory_used_bytes", "disk_used_bytes:/var". */
  readonly column: string;
  readonly subjects: readonly (Subject & { readonly sinceMs: number })[];
  readonly now: Date;
}

// What a rollout asks of at a time is a few hosts; ten minutes of a thousand would be this much.
const MOST_ROWS = 50_000;

/**
 * The figure of each subject from its time on until now, by `keyOf`, from what is committed: whichever control plane took it. A
 * subject without a sample in the time, or without the figure, is not in it.
 */
export async function readFigureBounds(
  tx: UnitOfWork,
  { kind, column, subjects, now }: FigureQuestion,
): Promise<ReadonlyMap<string, FigureBounds>> {
  const numbered = await findSubjects(tx, subjects);
  const numbers = numbered.map(({ number }) => number);
  const earliest = subjects.reduce((least, { sinceMs }) => Math.min(least, sinceMs), now.getTime());
  // First: it is rolled up while this reads.
  const came = Map.groupBy(await readIntake(tx, numbers, MOST_ROWS), ({ subject }) => subject);
  const range = { from: new Date(bucketOf(earliest)), to: now };
  const rows = await readTier(tx, "metric_samples", numbers, range, MOST_ROWS);
  const names = await namesOf(
    tx,
    rows.map(({ layout }) => layout),
  );
  const chunks = Map.groupBy(rows, ({ subject }) => subject);
  const isWanted = storedColumnsOf(kind, column);
  const since = new Map(subjects.map((subject) => [keyOf(subject), subject.sinceMs]));
  const found = new Map<string, FigureBounds>();
  for (const subject of numbered) {
    const stored = (chunks.get(subject.number) ?? []).map(({ layout, chunk }) =>
      decodeChunk(kind, { names: names.get(layout) ?? [], bytes: chunk }, isWanted),
    );
    const fresh = (came.get(subject.number) ?? []).flatMap(
      ({ batch }) => samplesOfStored(kindOf(subject), batch) ?? [],
    );
    const bounds = boundsOf(kind, column, mergeSamples([...stored, ...fresh]), since.get(keyOf(subject)) ?? 0);
    if (bounds !== undefined) found.set(keyOf(subject), bounds);
  }
  return found;
}

function boundsOf(kind: SubjectKind, column: string, samples: Samples, sinceMs: number): FigureBounds | undefined {
  const values = shownColumns(kind, samples.columns).find(({ name }) => name === column)?.values ?? [];
  let bounds: FigureBounds | undefined;
  samples.atMs.forEach((lastMs, i) => {
    const last = values[i] ?? Number.NaN;
    if (lastMs < sinceMs || !Number.isFinite(last)) return;
    const { maximum, minimum } = bounds ?? { maximum: last, minimum: last };
    bounds = { maximum: Math.max(maximum, last), minimum: Math.min(minimum, last), last, lastMs };
  });
  return bounds;
}
