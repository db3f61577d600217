/** How fast one session may send: a full bucket of frames at first, refilled at a steady rate. */
export interface Pace {
  /** Milliseconds to wait before the next frame is taken; 0 while there is room. */
  pauseMs(nowMs: number): number;
}

// A host with hundreds of containers that all change at once, and a live view on top, stays far below.
const FRAMES_PER_SECOND = 200;
const BURST_FRAMES = 2_000;
const SECOND_MS = 1_000;

export function createPace(nowMs: number): Pace {
  let frames = BURST_FRAMES;
  let filledAtMs = nowMs;
  return {
    pauseMs: (at) => {
      frames = Math.min(BURST_FRAMES, frames + (Math.max(0, at - filledAtMs) * FRAMES_PER_SECOND) / SECOND_MS);
      filledAtMs = Math.max(at, filledAtMs);
      frames -= 1;
      return frames >= 0 ? 0 : Math.ceil((-frames * SECOND_MS) / FRAMES_PER_SECOND);
    },
  };
}
