import { paceOf } from "@windflow/core";
import type { Intervals } from "@windflow/proto/agent";

/** @param metered every byte of the host's link costs */
export function intervals(live: boolean, metered: boolean): Intervals {
  return { ...paceOf(metered), live };
}

// A little more than a control plane opens in a second beside everything else: its queue stays short, and it is never idle.
const SESSIONS_PER_SECOND = 400;
const SECOND_MS = 1_000;
// Long enough for 12,000 hosts, and short beside the lease.
const LONGEST_RETURN_MS = 30_000;

/** Over how long so many hosts are to come back when all of them have lost their sessions, milliseconds; 0 for a few. */
export function returnWithinMs(hosts: number): number {
  const within = Math.round((hosts * SECOND_MS) / SESSIONS_PER_SECOND);
  return within < SECOND_MS ? 0 : Math.min(within, LONGEST_RETURN_MS);
}

/** Who looks at a host right now: while anybody does, its agent ships each second. */
export interface LiveViews {
  isLive(hostId: string): boolean;
  /** Returns how to let go; letting go twice counts once. */
  hold(hostId: string): () => void;
}

/** @param onChange told when the first view of a host opened or the last one closed */
export function createLiveViews(onChange: (hostId: string, live: boolean) => void): LiveViews {
  const views = new Map<string, number>();
  return {
    isLive: (hostId) => views.has(hostId),
    hold: (hostId) => {
      const before = views.get(hostId) ?? 0;
      views.set(hostId, before + 1);
      if (before === 0) onChange(hostId, true);
      let held = true;
      return () => {
        if (!held) return;
        held = false;
        const left = (views.get(hostId) ?? 1) - 1;
        if (left > 0) views.set(hostId, left);
        else {
          views.delete(hostId);
          onChange(hostId, false);
        }
      };
    },
  };
}
