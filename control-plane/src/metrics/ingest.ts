import { unpackSamples } from "@windflow/core";
import type { SampleBatch, SpoolEntry } from "@windflow/proto/agent";
import { field, type Clock, type Log, type UnitOfWork } from "../platform/index.ts";
import { encodeChunk } from "./codec.ts";
import { kindOf, splitByBucket, stepsOf, type Samples, type Subject } from "./model.ts";
import type { RecentSamples } from "./recent.ts";
import { insertPending, insertRaw, layoutOf, type StoredChunk } from "./store.ts";

/** Takes the samples out of what a spool brought, as part of the transaction that acknowledges it. */
export interface SamplesSink {
  readonly name: string;
  store(
    tx: UnitOfWork,
    batches: readonly { organizationId: string; hostId: string; spoolId: string; entries: SpoolEntry[] }[],
  ): Promise<void>;
}

// A host is not trusted to be modest: no real batch comes near these.
const MOST_SAMPLES = 2000;
const MOST_COLUMNS = 500;
const MOST_NAME_CHARACTERS = 200;
// A clock that is ahead by more must not write into the future, where nobody looks and retention does not reach.
const MOST_AHEAD_MS = 5 * 60_000;
// Nothing older is kept in any form.
const OLDEST_MS = 30 * 24 * 60 * 60_000;

export function createSamplesSink(parts: {
  readonly clock: Clock;
  readonly log: Log;
  readonly recent: RecentSamples;
}): SamplesSink {
  const { clock, log, recent } = parts;
  return {
    name: "samples",
    store: async (tx, batches) => {
      const now = clock.now().getTime();
      const taken = batches.flatMap(({ hostId, entries }) =>
        entries.flatMap(({ kind }) => (kind?.$case === "samples" ? takeBatch(kind.value, hostId, now) : [])),
      );
      for (const { subject, aheadMs } of taken) {
        if (aheadMs === 0) continue;
        log.warn(
          { [field.hostId]: subject.hostId, [field.count]: Math.round(aheadMs / 1000) },
          "Samples came from the future and were put at now: set the clock of the host.",
        );
      }
      const [first] = batches;
      if (first !== undefined) await write(tx, first.organizationId, taken);
      tx.afterCommit(() => {
        for (const { subject, samples } of taken) recent.add(subject, samples, now);
      });
    },
  };
}

interface Taken {
  readonly subject: Subject;
  readonly samples: Samples;
  /** How far its last sample was ahead of our clock, when that is too far. */
  readonly aheadMs: number;
}

function takeBatch(batch: SampleBatch, hostId: string, now: number): Taken[] {
  const subject = { hostId, containerId: batch.containerId };
  const kind = kindOf(subject);
  const at = batch.atMs.slice(0, MOST_SAMPLES).map(Number);
  const last = at.at(-1);
  const rising = at.every((time, i) => Number.isSafeInteger(time) && (i === 0 || time > (at[i - 1] ?? 0)));
  if (last === undefined || !rising || last < now - OLDEST_MS) return [];
  const ahead = last - now > MOST_AHEAD_MS ? last - now : 0;
  const columns = unpackSamples(batch)
    .slice(0, MOST_COLUMNS)
    .filter(({ name }) => name.length <= MOST_NAME_CHARACTERS && stepsOf(kind, name) !== undefined)
    .map(({ name, values }) => [name, at.map((_, i) => values[i] ?? Number.NaN)] as const);
  // The distances between the samples stay true: the whole batch moves.
  return [{ subject, samples: { atMs: at.map((time) => time - ahead), columns: new Map(columns) }, aheadMs: ahead }];
}

async function write(tx: UnitOfWork, organizationId: string, taken: readonly Taken[]): Promise<void> {
  const layouts = new Map<string, number>();
  const chunks: StoredChunk[] = [];
  const pending: (Subject & { bucket: Date })[] = [];
  for (const { subject, samples } of taken) {
    for (const part of splitByBucket(samples)) {
      const { names, bytes } = encodeChunk(kindOf(subject), part.samples);
      const key = names.join("\n");
      const layout = layouts.get(key) ?? (await layoutOf(tx, organizationId, names));
      layouts.set(key, layout);
      chunks.push({ ...subject, at: new Date(part.samples.atMs[0] ?? part.bucket), layout, bytes });
      pending.push({ ...subject, bucket: new Date(part.bucket) });
    }
  }
  await insertRaw(tx, organizationId, chunks);
  await insertPending(tx, organizationId, pending);
}
