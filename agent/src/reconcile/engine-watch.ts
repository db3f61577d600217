import type { Clock } from "../platform/clock.ts";
import { pause } from "../platform/clock.ts";
import { reasonOf, type Log } from "../platform/log.ts";
import type { EngineEvent, EventSubscription, ReconcileEngine } from "./engine.ts";

// An engine that restarts is back within a second or two; after that there is no hurry.
const FIRST_RETRY_MS = 100;
const LAST_RETRY_MS = 5_000;

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

export function createEngineWatch(options: EngineWatchOptions): EngineWatch {
  const { engine, clock, log } = options;
  const aborter = new AbortController();
  let subscription: EventSubscription | undefined;
  let ended: Promise<void> = Promise.resolve();

  const run = async (): Promise<void> => {
    let delay = FIRST_RETRY_MS;
    while (!aborter.signal.aborted) {
      try {
        // Before the first list: what happens between the two is then told by an event.
        subscription = await engine.subscribe(options.onEvent);
        // It may have been stopped while the engine took its time.
        if (aborter.signal.aborted) return subscription.close();
        delay = FIRST_RETRY_MS;
        log("info", "engine connected", { area: "reconcile" });
        options.onConnected();
        await subscription.ended;
        if (!aborter.signal.aborted) options.onLost("the engine closed its event stream");
      } catch (error) {
        options.onLost(reasonOf(error));
      } finally {
        subscription = undefined;
      }
      if (aborter.signal.aborted) return;
      log("warn", "engine not reachable", { area: "reconcile", delayMs: delay });
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
