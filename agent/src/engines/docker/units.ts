import { parseGoDuration } from "@windflow/core";

/** Nanoseconds as the Engine API takes them; it reads numbers, and a day in nanoseconds still is exact in one. */
export function nanoseconds(duration: string | undefined): number | undefined {
  if (duration === undefined) return undefined;
  const value = parseGoDuration(duration);
  if (value === undefined) throw new Error(`${duration} is no duration: write it like 1m30s`);
  return Number(value);
}

export function wholeSeconds(duration: string | undefined): number | undefined {
  const value = nanoseconds(duration);
  // Rounded up: a container must never get less time than its author gave it.
  return value === undefined ? undefined : Math.ceil(value / 1e9);
}

/** Bytes of a size as docker compose prints it: decimal digits. */
export function bytes(size: string | number | undefined): number | undefined {
  return size === undefined ? undefined : Number(size);
}

export function nanoCpus(cpus: number | undefined): number | undefined {
  return cpus === undefined ? undefined : Math.round(cpus * 1e9);
}

/** The object without its undefined members. */
export function compact<T extends object>(object: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };
}
