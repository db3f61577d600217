import { join } from "node:path";
import { readIfThere, writeDurably } from "../platform/durable-file.ts";
import { BUILT_AT_MS } from "../version.ts";

const FILE = "last-seen";
/** A file that is written each minute wears out cheap flash; one that is an hour late harms nothing. */
const SAVE_STEP_MS = 3_600_000;

/** The latest moment that is known to have passed: a clock that shows less has fallen back. */
export interface KnownTime {
  /** Milliseconds since the epoch. */
  floor(): number;
  /** The control plane's own clock, once it proved itself. */
  learn(ms: number): void;
}

export function openKnownTime(folder: string): KnownTime {
  const stored = Number(readIfThere(join(folder, FILE))?.toString() ?? 0);
  let saved = Number.isFinite(stored) ? stored : 0;
  let known = Math.max(saved, BUILT_AT_MS);
  return {
    floor: () => known,
    learn: (ms) => {
      known = Math.max(known, ms);
      if (known - saved < SAVE_STEP_MS) return;
      saved = known;
      writeDurably(join(folder, FILE), String(known));
    },
  };
}
