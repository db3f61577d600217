import type { SpoolBatch, SpoolEntry } from "@windflow/proto/agent";
import {
  createGathering,
  field,
  ProblemError,
  type Clock,
  type Database,
  type Log,
  type UnitOfWork,
} from "../platform/index.ts";
import { agentsErrors } from "./errors.ts";
import { isPassing, retryPassing } from "./passing.ts";
import type { HostReference, NewEntries, SpoolSink } from "./ports.ts";
import { lockSpools, moveSpools, type SpoolMove, type SpoolPlace } from "./store.ts";

/** Who sends, and how far its clock is ahead. */
export type SpoolingHost = HostReference & Pick<NewEntries, "clockSkewMs">;

/** Takes what hosts kept while they could not send it, or have just seen. */
export interface SpoolIntake {
  /**
   * Stores the entries of a batch that are new and resolves with the sequence to acknowledge, after the commit. What comes
   * while a transaction runs goes together into the next one. An entry that a sink refuses for good is left out and
   * logged: it would hold up everything behind it for ever.
   */
  take(host: SpoolingHost, batch: SpoolBatch, signal: AbortSignal): Promise<bigint>;
}

interface Parts {
  database: Database;
  clock: Clock;
  log: Log;
  sinks: readonly SpoolSink[];
}

// One transaction stays short enough for a lock that somebody waits for, whatever the number of hosts.
const BATCHES_PER_COMMIT = 200;
// A commit costs the same for one batch as for many, and an agent that waits this much longer for its acknowledgement sends
// what comes meanwhile all the same. Of a large fleet so many come in that time that a little longer halves the transactions.
const LINGER_MS = 100;
const LARGE_GROUP = 25;
const LONGER_LINGER_MS = 300;
const MAX_SPOOL_ID = 128;
const MAX_ENTRIES = 10_000;

interface Waiting {
  host: SpoolingHost;
  batch: SpoolBatch;
  signal: AbortSignal;
}

export function createSpoolIntake(parts: Parts): SpoolIntake {
  const store = createGathering<Waiting, bigint>({
    // A transaction sees one organization only.
    lineOf: ({ host }) => host.organizationId,
    // A host's next batch is judged by what the one before has stored.
    keyOf: ({ host }) => host.hostId,
    limit: BATCHES_PER_COMMIT,
    linger: {
      ms: LINGER_MS,
      enough: BATCHES_PER_COMMIT,
      after: { items: LARGE_GROUP, ms: LONGER_LINGER_MS },
    },
    work: (organizationId, group) => storeTogether(parts, organizationId, group),
    isOnesFault: (error) => !isPassing(error),
  });
  return {
    take: async (host, batch, signal) => {
      requireWellFormed(batch);
      const one = { host, batch, signal };
      try {
        return await store(one);
      } catch (error) {
        // Alone it holds up nobody: the next group may be luckier, and each batch has its own session's patience.
        return storeAlone(parts, one, error);
      }
    },
  };
}

/**
 * How far the spool of a session is stored, so that its next batch is not asked for: it is stored if that is still so. By the session's
 * signal, since another session may have stored more.
 */
const placeOf = new WeakMap<AbortSignal, { spoolId: string; acknowledged: bigint }>();

async function storeTogether(parts: Parts, organizationId: string, group: readonly Waiting[]): Promise<bigint[]> {
  const acknowledged = await parts.database.inOrganization(organizationId, async (tx) => {
    const now = parts.clock.now();
    const expected = group.filter(continues);
    const moved = await moveSpools(tx, organizationId, expected.map(moveOf), now);
    const asExpected = (one: Waiting): boolean => moved.has(one.host.hostId);
    const others = group.filter((one) => !asExpected(one));
    const places = await lockPlaces(tx, organizationId, others, now);
    const fresh: NewEntries[] = [];
    const left: SpoolMove[] = [];
    const sequences = group.map((one) => {
      const { host, batch } = one;
      const { spoolId, dropped } = batch;
      const stored = asExpected(one) ? 0n : (places.get(host.hostId)?.acknowledged ?? 0n);
      const entries = asExpected(one) ? batch.entries : batch.entries.filter((entry) => entry.sequence > stored);
      const last = entries.at(-1)?.sequence;
      if (last === undefined) return stored;
      fresh.push({ ...host, spoolId, entries });
      if (!asExpected(one)) left.push({ hostId: host.hostId, spoolId, from: stored, acknowledged: last, dropped });
      return last;
    });
    if (fresh.length > 0) for (const sink of parts.sinks) await sink.store(tx, fresh);
    await moveSpools(tx, organizationId, left, now);
    return sequences;
  });
  for (const [index, one] of group.entries()) note(one, acknowledged[index] ?? 0n);
  return acknowledged;
}

/** Whether all of it is new, if what is stored is what this session has had stored. */
function continues({ batch, signal }: Waiting): boolean {
  const place = placeOf.get(signal);
  const first = batch.entries[0]?.sequence;
  return place !== undefined && place.spoolId === batch.spoolId && first !== undefined && first > place.acknowledged;
}

function moveOf({ host: { hostId }, batch: { spoolId, dropped, entries }, signal }: Waiting): SpoolMove {
  const from = placeOf.get(signal)?.acknowledged ?? 0n;
  return { hostId, spoolId, dropped, from, acknowledged: entries.at(-1)?.sequence ?? from };
}

function note({ batch: { spoolId }, signal }: Waiting, acknowledged: bigint): void {
  const place = placeOf.get(signal);
  if (place === undefined) return void placeOf.set(signal, { spoolId, acknowledged });
  // The text of the first batch stays: those of later ones say the same.
  if (place.spoolId !== spoolId) place.spoolId = spoolId;
  place.acknowledged = acknowledged;
}

async function lockPlaces(
  tx: UnitOfWork,
  organizationId: string,
  group: readonly Waiting[],
  now: Date,
): Promise<ReadonlyMap<string, SpoolPlace>> {
  const spools = group.map(({ host, batch }) => ({ hostId: host.hostId, spoolId: batch.spoolId }));
  return new Map((await lockSpools(tx, organizationId, spools, now)).map((one) => [one.hostId, one]));
}

async function storeAlone(parts: Parts, one: Waiting, cause: unknown): Promise<bigint> {
  try {
    // The agent keeps what is not acknowledged: there is time.
    if (!isPassing(cause)) throw cause;
    const again = () => storeTogether(parts, one.host.organizationId, [one]);
    return (await retryPassing(parts.clock, one.signal, again))?.[0] ?? 0n;
  } catch (error) {
    one.signal.throwIfAborted();
    const message = "A batch of a spool could not be stored whole; it is stored entry by entry.";
    parts.log.error({ err: error, [field.hostId]: one.host.hostId }, message);
    return storeEntries(parts, one);
  }
}

async function storeEntries(parts: Parts, one: Waiting): Promise<bigint> {
  const { organizationId, hostId } = one.host;
  const store = async (entry: SpoolEntry, sinks: readonly SpoolSink[]): Promise<bigint> => {
    const single = { ...one, batch: { ...one.batch, entries: [entry] } };
    return (await storeTogether({ ...parts, sinks }, organizationId, [single]))[0] ?? 0n;
  };
  let acknowledged = 0n;
  for (const entry of one.batch.entries) {
    try {
      acknowledged = await store(entry, parts.sinks);
    } catch (error) {
      if (isPassing(error)) throw error;
      parts.log.error(
        { err: error, [field.hostId]: hostId, sequence: String(entry.sequence) },
        "An entry of a spool was left out.",
      );
      acknowledged = await store(entry, []);
    }
  }
  return acknowledged;
}

function requireWellFormed(batch: SpoolBatch): void {
  if (batch.spoolId === "" || batch.spoolId.length > MAX_SPOOL_ID)
    throw invalid(`A spool's id has 1 to ${MAX_SPOOL_ID} characters.`);
  if (batch.entries.length > MAX_ENTRIES) throw invalid(`A batch has at most ${MAX_ENTRIES} entries.`);
  let before: SpoolEntry | undefined;
  for (const entry of batch.entries) {
    if (entry.sequence === 0n || (before !== undefined && entry.sequence <= before.sequence)) {
      throw invalid("The entries of a batch are not in rising order.");
    }
    before = entry;
  }
}

function invalid(detail: string): ProblemError {
  return new ProblemError({ code: agentsErrors.WF_FRAME_INVALID, detail });
}
