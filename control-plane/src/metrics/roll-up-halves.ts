import { field, type Breathe, type Database, type Log, type UnitOfWork } from "../platform/index.ts";
import { namesOf } from "./layouts.ts";
import { BUCKET_MS, HALF_MS, kindOf } from "./model.ts";
import { combined, overlap, type Statistics } from "./statistics.ts";
import { takeHalves, type PendingHalf } from "./store-halves.ts";
import { readTierAt, type TierRow } from "./store-tiers.ts";
import { subjectsByNumber } from "./subjects.ts";
import { statisticsOfRow, writeStatistics, type Changed } from "./tier-rows.ts";

// After this its last five minutes are rolled up, unless something is wrong; then it is done twice.
const SETTLE_MS = 10 * 60_000;
const HALVES_AT_A_TIME = 200;

/**
 * Makes statistics of half hours out of those of five minutes, some in one transaction. Returns whether there may be more
 * to do. Several control planes at it take different ones.
 * @param breathe awaited between subjects
 */
export async function rollUpHalves(database: Database, now: number, log: Log, breathe: Breathe): Promise<boolean> {
  return database.asSystem(async (tx) => {
    const halves = await takeHalves(tx, new Date(now - HALF_MS - SETTLE_MS), HALVES_AT_A_TIME);
    if (halves.length > 0) await make(tx, halves, log, breathe);
    return halves.length === HALVES_AT_A_TIME;
  });
}

async function make(tx: UnitOfWork, halves: readonly PendingHalf[], log: Log, breathe: Breathe): Promise<void> {
  const subjects = await subjectsByNumber(
    tx,
    halves.map(({ subject }) => subject),
  );
  const places = halves.flatMap(({ subject, at }) =>
    Array.from({ length: HALF_MS / BUCKET_MS }, (_, i) => ({ subject, at: new Date(at.getTime() + i * BUCKET_MS) })),
  );
  const buckets = await readTierAt(tx, "metric_buckets", places);
  const known = await readTierAt(tx, "metric_halves", halves);
  const names = await namesOf(
    tx,
    [...buckets, ...known].map(({ layout }) => layout),
  );
  const read = (row: TierRow): Statistics[] => {
    const subject = subjects.get(row.subject);
    if (subject === undefined) return [];
    try {
      return [statisticsOfRow(kindOf(subject), row, names.get(row.layout) ?? [])];
    } catch {
      log.error(
        { [field.hostId]: subject.hostId, [field.area]: "metrics" },
        "Stored statistics cannot be read; they are left out.",
      );
      return [];
    }
  };
  const bucketsOf = Map.groupBy(buckets, (row) => `${row.subject} ${halfOf(row.at)}`);
  const knownOf = new Map(known.map((row) => [`${row.subject} ${row.at.getTime()}`, row]));
  const changed: Changed[] = [];
  for (const { subject: number, at } of halves) {
    await breathe();
    const subject = subjects.get(number);
    const key = `${number} ${at.getTime()}`;
    const row = knownOf.get(key);
    const parts = (bucketsOf.get(key) ?? []).toSorted((a, b) => a.at.getTime() - b.at.getTime()).flatMap(read);
    const statistics = together(parts, row === undefined ? undefined : read(row)[0]);
    if (subject === undefined || statistics === undefined) continue;
    changed.push({ subject, statistics: { ...statistics, bucketMs: at.getTime() } });
  }
  await writeStatistics(tx, "metric_halves", changed, breathe);
}

const halfOf = (at: Date): number => Math.floor(at.getTime() / HALF_MS) * HALF_MS;

/** Of the parts alone where they have all that was counted; else what they have in addition to it. */
function together(parts: readonly Statistics[], known: Statistics | undefined): Statistics | undefined {
  const [first, ...rest] = parts;
  const whole = first && rest.reduce(combined, first);
  if (known === undefined || whole === undefined) return whole;
  const given = new Set(whole.seconds);
  if (known.seconds?.every((second) => given.has(second)) === true) return whole;
  const added = parts.filter((part) => !overlap(known, part));
  return added.length === 0 ? undefined : added.reduce(combined, known);
}
