import { setTimeout as sleep } from "node:timers/promises";
import { memoryOf, scheduledSeconds } from "../measure/process.ts";
import type { WireCounter } from "./wire.ts";

/** Something that runs beside the others and is looked at in the same window. */
export interface Subject {
  readonly name: string;
  readonly pid: number;
  readonly wire?: WireCounter;
  /** Seconds that pass for it in one; 1 without. */
  readonly speed?: number;
}

/** What one subject took in a window. */
export interface Taken {
  readonly privateMb: number;
  readonly pssMb: number;
  readonly rssMb: number;
  /** Of one processor. */
  readonly cpuPercent: number;
  /** Extrapolated from the window; absent where nothing is counted. */
  readonly bytesPerDay?: number;
}

const DAY_SECONDS = 86_400;
const MB = 1e6;

/** Looks at all of them over the same span of time. */
export async function observe(subjects: readonly Subject[], seconds: number): Promise<Record<string, Taken>> {
  const before = await Promise.all(subjects.map(look));
  const started = performance.now();
  await sleep(seconds * 1000);
  const passed = (performance.now() - started) / 1000;
  const after = await Promise.all(subjects.map(look));
  return Object.fromEntries(
    subjects.map(({ name, pid, speed = 1 }, index) => {
      const [first, last] = [before[index], after[index]];
      if (first === undefined || last === undefined) throw new Error(`${name} was not looked at`);
      const own = passed * speed;
      const memory = memoryOf(pid);
      const taken: Taken = {
        privateMb: rounded(memory.privateBytes / MB),
        pssMb: rounded(memory.proportionalBytes / MB),
        rssMb: rounded(memory.residentBytes / MB),
        cpuPercent: rounded((100 * (last.cpuSeconds - first.cpuSeconds)) / own, 1000),
      };
      if (first.bytes === undefined || last.bytes === undefined) return [name, taken];
      return [name, { ...taken, bytesPerDay: Math.round(((last.bytes - first.bytes) / own) * DAY_SECONDS) }];
    }),
  );
}

async function look({ pid, wire }: Subject): Promise<{ cpuSeconds: number; bytes: number | undefined }> {
  return { cpuSeconds: scheduledSeconds(pid), bytes: await wire?.bytes() };
}

function rounded(value: number, steps: number = 10): number {
  return Math.round(value * steps) / steps;
}
