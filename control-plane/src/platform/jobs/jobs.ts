import type { Clock } from "../clock.ts";
import type { Database } from "../db/database.ts";
import type { UnitOfWork } from "../db/unit-of-work.ts";
import { eventType, type EventBus } from "../events/bus.ts";
import type { NewId } from "../ids.ts";
import { field, type Log } from "../log.ts";
import { claimJobs, extendLease, putJob, settleJob, type JobRow } from "./store.ts";

/** What a run of a job decided: finished, or to be run again at a time. */
export type JobOutcome = { done: true } | { runAt: Date };

export interface JobRun<Payload> {
  payload: Payload;
  organizationId: string | undefined;
  /** 1 for the first run. */
  attempt: number;
  /** Aborts at the deadline, when the lease is lost, and at shutdown: stop at the next step. */
  signal: AbortSignal;
}

export interface JobKind<Payload extends object> {
  readonly kind: string;
  /** For the type only. */
  readonly payload?: Payload;
  /** Gives up (state failed, kept for reading) after this many runs that threw. */
  readonly maxAttempts: number;
}

export interface Jobs {
  /** Part of the caller's transaction. One job per kind and key: asking again while it runs runs it once more after. */
  enqueue<Payload extends object>(
    tx: UnitOfWork,
    kind: JobKind<Payload>,
    job: { key: string; payload: Payload; runAt?: Date; deadlineAt?: Date },
  ): Promise<void>;
  /** Says how jobs of a kind are run. The steps must be idempotent: a crash runs them again. Before `start`. */
  register<Payload extends object>(kind: JobKind<Payload>, run: (job: JobRun<Payload>) => Promise<JobOutcome>): void;
  start(): void;
  /** Waits for the running jobs; they see their signal abort first. */
  stop(): Promise<void>;
}

// A worker that was killed loses its jobs to another after this long.
const LEASE_MS = 30_000;
const RENEW_MS = 10_000;
// The timer is the net; an enqueue wakes the worker at once.
const POLL_MS = 1_000;
const CONCURRENT_JOBS = 8;
const RETRY_BASE_MS = 1_000;
const RETRY_MAX_MS = 5 * 60_000;

const jobWanted = eventType<{ kind: string }>("platform.job-wanted");

interface Parts {
  database: Database;
  bus: EventBus;
  clock: Clock;
  log: Log;
  newId: NewId;
}

export function createJobs(parts: Parts): Jobs {
  const { database, bus, clock, log, newId } = parts;
  const runners = new Map<string, { kind: JobKind<object>; run: (job: JobRun<never>) => Promise<JobOutcome> }>();
  const owner = bus.replicaId;
  const stopping = new AbortController();
  const running = new Set<Promise<void>>();
  let wake: () => void = () => undefined;
  let loop: Promise<void> = Promise.resolve();

  async function work(): Promise<void> {
    while (!stopping.signal.aborted) {
      const free = CONCURRENT_JOBS - running.size;
      const claimed = free > 0 ? await claim(free) : [];
      for (const job of claimed) {
        const run = runJob(job).finally(() => {
          running.delete(run);
          wake();
        });
        running.add(run);
      }
      if (claimed.length === 0) await nap();
    }
  }

  async function claim(limit: number): Promise<JobRow[]> {
    const now = clock.now();
    const kinds = [...runners.keys()];
    const leaseUntil = new Date(now.getTime() + LEASE_MS);
    try {
      return await database.asSystem((tx) => claimJobs(tx, { owner, kinds, now, leaseUntil, limit }));
    } catch (error) {
      log.warn({ err: error, [field.area]: "jobs" }, "The jobs could not be read; it is tried again.");
      return [];
    }
  }

  async function nap(): Promise<void> {
    const awake = new AbortController();
    wake = () => awake.abort();
    const signal = AbortSignal.any([awake.signal, stopping.signal]);
    await clock.sleep(POLL_MS, signal).catch(() => undefined);
  }

  async function runJob(job: JobRow): Promise<void> {
    const runner = runners.get(job.kind);
    if (runner === undefined) return;
    const ended = new AbortController();
    const lost = new AbortController();
    const signals = [lost.signal, stopping.signal, ...deadlineOf(job)];
    const signal = AbortSignal.any(signals);
    const renewing = renew(job, ended.signal, lost);
    try {
      const organizationId = job.organizationId ?? undefined;
      const outcome = await runner.run({
        payload: job.payload as never,
        organizationId,
        attempt: job.attempts,
        signal,
      });
      await settle(job, "runAt" in outcome ? { next: outcome.runAt } : {});
    } catch (error) {
      await failed(job, runner.kind, error);
    } finally {
      ended.abort();
      await renewing;
    }
  }

  function deadlineOf(job: JobRow): AbortSignal[] {
    if (job.deadlineAt === null) return [];
    return [AbortSignal.timeout(Math.max(0, job.deadlineAt.getTime() - clock.now().getTime()))];
  }

  async function failed(job: JobRow, kind: JobKind<object>, error: unknown): Promise<void> {
    const message = error instanceof Error ? error.message : String(error);
    const late = job.deadlineAt !== null && job.deadlineAt <= clock.now();
    const givenUp = late || job.attempts >= kind.maxAttempts;
    log.warn(
      {
        err: error,
        [field.jobId]: job.id,
        [field.kind]: job.kind,
        [field.attempt]: job.attempts,
        [field.outcome]: givenUp ? "given up" : "retried",
      },
      "A job failed.",
    );
    const pauseMs = Math.min(RETRY_MAX_MS, RETRY_BASE_MS * 2 ** (job.attempts - 1));
    const next = new Date(clock.now().getTime() + pauseMs);
    await settle(job, givenUp ? { error: message, failed: true } : { error: message, next });
  }

  async function settle(job: JobRow, outcome: { next?: Date; error?: string; failed?: boolean }): Promise<void> {
    try {
      await database.asSystem((tx) => settleJob(tx, { id: job.id, owner, now: clock.now(), ...outcome }));
    } catch (error) {
      log.warn({ err: error, [field.jobId]: job.id }, "The end of a job could not be written; its lease will run out.");
    }
  }

  async function renew(job: JobRow, ended: AbortSignal, lost: AbortController): Promise<void> {
    for (;;) {
      await clock.sleep(RENEW_MS, ended).catch(() => undefined);
      if (ended.aborted) return;
      const until = new Date(clock.now().getTime() + LEASE_MS);
      // A database that is away says nothing about the lease: the next round asks again.
      const kept = await database.asSystem((tx) => extendLease(tx, job.id, owner, until)).catch(() => true);
      if (!kept) lost.abort(new Error("the lease of the job was lost"));
    }
  }

  bus.on(jobWanted, () => wake());
  return {
    enqueue: async (tx, kind, job) => {
      const now = clock.now();
      await putJob(tx, {
        id: newId("job"),
        kind: kind.kind,
        key: job.key,
        payload: job.payload,
        runAt: job.runAt ?? now,
        deadlineAt: job.deadlineAt ?? null,
        createdAt: now,
      });
      tx.emit(jobWanted, { kind: kind.kind });
    },
    register: (kind, run) => {
      if (runners.has(kind.kind)) throw new Error(`the job kind ${kind.kind} is registered twice`);
      runners.set(kind.kind, { kind, run: run as (job: JobRun<never>) => Promise<JobOutcome> });
    },
    start: () => {
      loop = work();
    },
    stop: async () => {
      stopping.abort(new Error("the control plane stops"));
      wake();
      await loop;
      await Promise.allSettled(running);
    },
  };
}
