/**
 * How far a host's clock is ahead of ours, from times that the host wrote into frames. A frame is written before it is
 * received, so that each one says: the clock is ahead by at least `written − received`. Of several the largest says most,
 * since it had the shortest way; what is still missing is that way, for which the answer to our nonce gives a bound.
 */
export interface SkewMeter {
  /** Hello answers a nonce: it was written between the two. Times are milliseconds since 1970. */
  answered(written: number, asked: number, received: number): void;
  heard(written: number, received: number): void;
  /** Milliseconds that the host's clock is ahead; 0 while nothing was heard. */
  readonly milliseconds: number;
}

// Two minutes of heartbeats, a quarter of an hour while figures save seven of eight: long enough that one of them had a short way; a clock that is
// being slewed moves by half a second meanwhile.
const KEPT = 8;
// A link whose answers take longer says little of when in that time the host wrote: more is not added.
const LONGEST_WAY_MS = 2_000;
// No way is longer than this while the host counts as there; what is further back is a clock that was set.
const SET_BACK_MS = 45_000;

export function createSkewMeter(): SkewMeter {
  // The clock is ahead by at least the largest of these, and was by no more than that when the nonce was answered.
  let samples: number[] = [];
  let atMost = -Infinity;
  // It is asked for with each frame, and changes with a heartbeat.
  let milliseconds = 0;
  function note(sample: number): void {
    // A time that is none in this calendar is no measure of a clock.
    if (!Number.isFinite(sample)) return;
    const best = Math.max(...samples);
    // A clock that was set says nothing about what it said before. Set forward it has the largest sample by itself.
    if (sample < best - SET_BACK_MS) {
      samples = [];
      atMost = -Infinity;
    }
    samples = [...samples, sample].slice(-KEPT);
    const atLeast = Math.max(...samples);
    milliseconds = atLeast + Math.min(LONGEST_WAY_MS, Math.max(0, atMost - atLeast) / 2);
  }
  return {
    answered: (written, asked, received) => {
      samples = [];
      milliseconds = 0;
      atMost = Number.isFinite(written) ? written - asked : -Infinity;
      note(written - received);
    },
    heard: (written, received) => note(written - received),
    get milliseconds() {
      return milliseconds;
    },
  };
}

/**
 * Times of the host's clock in ours, in the order in which the host wrote them: none is later than one after it, and none
 * later than now. A clock that was wrong when the host was alone cannot be corrected, but it cannot turn the order round.
 * @param times milliseconds since 1970, oldest entry first; undefined for one that the host did not date
 */
export function controlPlaneTimes(times: readonly (number | undefined)[], skewMs: number, now: number): number[] {
  let limit = now;
  return times
    .toReversed()
    .map((time) => {
      limit = Math.min(limit, time === undefined || !Number.isFinite(time) ? limit : time - skewMs);
      return limit;
    })
    .toReversed();
}
