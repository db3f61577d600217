import type { Clock } from "../platform/clock.ts";

/** Runs an act as often as it is asked for, but never twice at once: what is asked for meanwhile is done once, after. */
export interface SingleFlight {
  /** With a delay, requests that come within it are done together. */
  request(delayMs?: number): void;
  stop(): Promise<void>;
}

/** `act` must not throw: nobody waits for it who could be told. */
export function createSingleFlight(act: () => Promise<void>, clock: Clock): SingleFlight {
  let requested = false;
  let stopped = false;
  let cancelDelay: (() => void) | undefined;
  let flight: Promise<void> | undefined;

  const fly = async (): Promise<void> => {
    while (requested && !stopped) {
      requested = false;
      await act();
    }
    flight = undefined;
  };
  const launch = (): void => {
    cancelDelay?.();
    cancelDelay = undefined;
    if (stopped) return;
    requested = true;
    flight ??= fly();
  };
  return {
    request(delayMs = 0) {
      if (delayMs === 0) launch();
      else cancelDelay ??= clock.after(delayMs, launch);
    },
    async stop() {
      stopped = true;
      cancelDelay?.();
      await flight;
    },
  };
}
