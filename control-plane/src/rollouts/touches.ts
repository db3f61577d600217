import type { Clock, EventBus, EventType } from "../platform/index.ts";
import { rolloutTouched } from "./events.ts";

// A page shows no more than a few changes a second; a large rollout is long to read and to send.
const LARGE_HOSTS = 50;
const LARGE_PAUSE_MS = 500;
// Of thousands of hosts a reading takes as long as many reports: watching takes a fifth of the time at most, …
const PAUSE_TO_READING = 4;
// … and nobody is told later than this.
const LONGEST_PAUSE_MS = 3_000;

/** The moments to read a rollout again: many touches while one is read are one moment. */
export interface Touches {
  /**
   * Resolves at the next touch since the last call, a while later for a large rollout; false when the signal aborted.
   * @param tookMs how long it took to read and to send
   */
  next(hosts: number, tookMs: number): Promise<boolean>;
  stop(): void;
}

interface TouchParts {
  readonly bus: EventBus;
  readonly clock: Clock;
}

/** Listens from the call on: what happens before the first `next` is not lost. */
export function listenForTouches(parts: TouchParts, rolloutId: string, signal: AbortSignal): Touches {
  return listenFor(parts, rolloutTouched, (event) => event.rolloutId === rolloutId, signal);
}

/** The same for events of another type, those that are about what is read. */
export function listenFor<Payload extends object>(
  parts: TouchParts,
  type: EventType<Payload>,
  isOurs: (event: Payload) => boolean,
  signal: AbortSignal,
): Touches {
  let touched = false;
  let wake: () => void = () => undefined;
  const touch = (): void => {
    touched = true;
    wake();
  };
  const stops = [
    parts.bus.on(type, (event) => {
      if (isOurs(event)) touch();
    }),
    parts.bus.onGap(touch),
  ];
  const onAbort = (): void => wake();
  signal.addEventListener("abort", onAbort, { once: true });
  return {
    next: async (hosts, tookMs) => {
      const pauseMs = Math.min(LONGEST_PAUSE_MS, Math.max(LARGE_PAUSE_MS, PAUSE_TO_READING * tookMs));
      if (hosts > LARGE_HOSTS) await parts.clock.sleep(pauseMs, signal).catch(() => undefined);
      if (!touched && !signal.aborted) await new Promise<void>((resolve) => (wake = resolve));
      touched = false;
      return !signal.aborted;
    },
    stop: () => {
      for (const stop of stops) stop();
      signal.removeEventListener("abort", onAbort);
    },
  };
}
