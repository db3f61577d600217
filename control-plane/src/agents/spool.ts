import type { SpoolBatch, SpoolEntry } from "@windflow/proto/agent";
import {
  commonErrors,
  field,
  isProblem,
  ProblemError,
  type Clock,
  type Database,
  type Log,
} from "../platform/index.ts";
import { agentsErrors } from "./errors.ts";
import type { HostReference, SpoolSink } from "./ports.ts";
import { lockSpool, saveAcknowledged } from "./store.ts";

interface Parts {
  database: Database;
  clock: Clock;
  log: Log;
  sinks: readonly SpoolSink[];
}

// The agent keeps what is not acknowledged; a database that is away for a moment costs a delay, nothing else.
const RETRY_BASE_MS = 500;
const RETRY_MAX_MS = 10_000;
const MAX_SPOOL_ID = 128;
const MAX_ENTRIES = 10_000;

/**
 * Stores the entries of a batch that are new and answers the sequence to acknowledge, after the commit. An entry that a
 * sink refuses for good is left out and logged: it would hold up everything behind it for ever.
 */
export async function takeSpoolBatch(
  parts: Parts,
  host: HostReference,
  batch: SpoolBatch,
  signal: AbortSignal,
): Promise<bigint> {
  requireWellFormed(batch);
  for (let attempt = 0; ; attempt++) {
    try {
      return await storeBatch(parts, host, batch);
    } catch (error) {
      if (isPassing(error)) {
        await parts.clock.sleep(Math.min(RETRY_MAX_MS, RETRY_BASE_MS * 2 ** attempt), signal);
        continue;
      }
      parts.log.error(
        { err: error, [field.hostId]: host.hostId },
        "A batch of a spool could not be stored whole; it is stored entry by entry.",
      );
      return storeOneByOne(parts, host, batch);
    }
  }
}

function storeBatch(parts: Parts, host: HostReference, batch: SpoolBatch): Promise<bigint> {
  return parts.database.inOrganization(host, async (tx) => {
    const now = parts.clock.now();
    const spool = await lockSpool(tx, host, batch.spoolId, now);
    const entries = batch.entries.filter((entry) => entry.sequence > spool.acknowledged);
    const last = entries.at(-1);
    if (last === undefined) return spool.acknowledged;
    for (const sink of parts.sinks) await sink.store(tx, { ...host, spoolId: batch.spoolId, entries });
    await saveAcknowledged(tx, host, {
      spoolId: batch.spoolId,
      acknowledged: last.sequence,
      dropped: batch.dropped,
      now,
    });
    return last.sequence;
  });
}

async function storeOneByOne(parts: Parts, host: HostReference, batch: SpoolBatch): Promise<bigint> {
  let acknowledged = 0n;
  for (const entry of batch.entries) {
    try {
      acknowledged = await storeBatch(parts, host, { ...batch, entries: [entry] });
    } catch (error) {
      if (isPassing(error)) throw error;
      parts.log.error(
        { err: error, [field.hostId]: host.hostId, sequence: String(entry.sequence) },
        "An entry of a spool was left out.",
      );
      acknowledged = await storeBatch({ ...parts, sinks: [] }, host, { ...batch, entries: [entry] });
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

function isPassing(error: unknown): boolean {
  return isProblem(error, commonErrors.WF_DATABASE_UNAVAILABLE) || isProblem(error, commonErrors.WF_DEADLINE_EXCEEDED);
}

function invalid(detail: string): ProblemError {
  return new ProblemError({ code: agentsErrors.WF_FRAME_INVALID, detail });
}
