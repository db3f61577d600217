import type { Clock } from "../platform/clock.ts";
import { pause } from "../platform/clock.ts";
import { reasonOf, type Log } from "../platform/log.ts";
import type { EngineEvent, EventSubscription, ReconcileEngine } from "./engine.ts";

// An engine that restarts is back within a second or two; after that there is no hurry.
const FIRST_RETRY_MS = 100;
const LAST_RETRY_MS = 5_000;
// An engine remembers 256 events (Docker); what it may tell again is not more.
const MOST_RECENT = 512;
// It orders events by the millisecond, or by the second (Podman).
const OVERLAP_MS = 1_000;
// An outage is minutes long; the history of a day is not told as if it were now.
const OLDEST_MS = 10 * 60_000;

export interface EngineWatchOptions {
  readonly engine: ReconcileEngine;
  readonly clock: Clock;
  readonly log: Log;
  readonly onEvent: (event: EngineEvent) => void;
  onConnected(): void;
  onLost(reason: string): void;
}

/** Keeps one event subscription open, for ever, and says when the engine comes and goes. */
export interface EngineWatch {
  start(): void;
  /** Ends the subscription, so that it is opened anew: for when a call found the engine away. */
  reconnect(): void;
  stop(): Promise<void>;
}

/**
 * Lets each event through once, also when the engine tells it again, and knows from when on it is to tell them: what happens
 * between two subscriptions is in the engine's memory.
 */
export function createEventSieve(): { isNew(event: EngineEvent): boolean; since(now: number): number | undefined } {
  const recent = new Set<string>();
  let last: number | undefined;
  return {
    isNew(event) {
      const key = `${event.at} ${event.id} ${event.action}`;
      if (recent.has(key)) return false;
      recent.add(key);
      for (const oldest of recent) {
        if (recent.size <= MOST_RECENT) break;
        recent.delete(oldest);
      }
      last = Math.max(last ?? 0, event.at);
      return true;
    },
    // An engine whose clock was set back has told of a future, of which it would tell nothing.
    since: (now) => (last === undefined ? undefined : Math.max(now - OLDEST_MS, Math.min(last, now) - OVERLAP_MS)),
  };
}

export function createEngineWatch(options: EngineWatchOptions): EngineWatch {
  const { engine, clock, log } = options;
  const sieve = createEventSieve();
  const onEvent = (event: EngineEvent): void => {
    if (sieve.isNew(event)) options.onEvent(event);
  };
  const aborter = new AbortController();
  let subscription: EventSubscription | undefined;
  let ended: Promise<void> = Promise.resolve();

  const run = async (): Promise<void> => {
    let delay = FIRST_RETRY_MS;
    while (!aborter.signal.aborted) {
      let reason = "the engine closed its event stream";
      try {
        // Before the first list: what happens between the two is then told by an event.
        subscription = await engine.subscribe(onEvent, sieve.since(clock.now()));
        // It may have been stopped while the engine took its time.
        if (aborter.signal.aborted) return subscription.close();
        delay = FIRST_RETRY_MS;
        log("info", "engine connected", { area: "reconcile" });
        options.onConnected();
        await subscription.ended;
        if (!aborter.signal.aborted) options.onLost(reason);
      } catch (error) {
        reason = reasonOf(error);
        options.onLost(reason);
      } finally {
        subscription = undefined;
      }
      if (aborter.signal.aborted) return;
      log("warn", "engine not reachable", { area: "reconcile", delayMs: delay, reason });
      await pause(clock, delay, aborter.signal);
      delay = Math.min(LAST_RETRY_MS, delay * 2);
    }
  };

  return {
    start() {
      ended = run();
    },
    reconnect: () => subscription?.close(),
    async stop() {
      aborter.abort();
      subscription?.close();
      await ended;
    },
  };
}
