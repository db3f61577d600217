import type { Clock } from "./clock.ts";
import { field, type Log } from "./log.ts";

/** Keeps pieces of work of one kind going, each on its own: any event only says "look again". */
export interface LevelWork {
  /** Single flight per piece; coalesced. */
  look(id: string, organizationId: string): void;
  /** Something that pieces depend on said something: theirs are looked at, one question for all that spoke meanwhile. */
  heard(organizationId: string, subjectId: string): void;
  /** All of the organization that are known here. */
  lookAtOrganization(organizationId: string): void;
  /** All that are under way, as the database says. */
  lookAtOpen(): void;
  start(): Promise<void>;
  stop(): Promise<void>;
}

export interface LevelWorkParts {
  readonly clock: Clock;
  readonly log: Log;
  /** e.g. "rollouts", for the log. */
  readonly area: string;
  /** Takes a piece as far as what is known allows; when time alone may change something (milliseconds since 1970), or that it is over. */
  advance(id: string, organizationId: string): Promise<number | "ended" | undefined>;
  /** Those under way: all, or those in which time alone may have changed something. */
  readOpen(dueBy: Date | undefined): Promise<readonly { readonly id: string; readonly organizationId: string }[]>;
  /** Those under way that one of the subjects has a part in. */
  readOfSubjects(organizationId: string, subjectIds: readonly string[]): Promise<readonly string[]>;
  /** A subject of the piece said something. */
  onHeard?(id: string, organizationId: string): void;
}

// Everything is told by events and timers; this takes over the timers of a replica that died, …
const NET_MS = 5_000;
// … and this finds what a lost notification left behind.
const WHOLE_NET_MS = 60_000;
// A database that is away is asked again after this long.
const RETRY_MS = 1_000;
// setTimeout takes no more; the net comes earlier anyway.
const LONGEST_TIMER_MS = 60_000;
// Looks that are shorter than this need no rest, …
const RESTED_MS = 20;
// … and nobody waits longer than this for the next one.
const LONGEST_REST_MS = 500;

interface Watched {
  readonly organizationId: string;
  dirty: boolean;
  running: boolean;
  timer?: NodeJS.Timeout;
}

/** Several replicas may look at once: what happens is decided in a transaction that holds the piece's row. */
export function createLevelWork(parts: LevelWorkParts): LevelWork {
  const { clock, log, area } = parts;
  const watched = new Map<string, Watched>();
  const flights = new Set<Promise<void>>();
  /** Organization → subjects that said something since work was last looked for. */
  const told = new Map<string, Set<string>>();
  let reading = false;
  let net: NodeJS.Timeout | undefined;
  let stopped = false;
  let wholeAt = clock.monotonicMs();

  function look(id: string, organizationId: string): void {
    if (stopped) return;
    const entry = watched.get(id) ?? { organizationId, dirty: false, running: false };
    watched.set(id, entry);
    entry.dirty = true;
    if (entry.running) return;
    entry.running = true;
    inFlight(fly(id, entry));
  }

  async function fly(id: string, entry: Watched): Promise<void> {
    while (entry.dirty && !stopped) {
      entry.dirty = false;
      clearTimeout(entry.timer);
      const from = clock.monotonicMs();
      const wakeAt = await advance(id, entry);
      const tookMs = clock.monotonicMs() - from;
      if (wakeAt === "ended") {
        // Somebody took it up again between that look and this line.
        if (entry.dirty) continue;
        watched.delete(id);
        break;
      }
      if (wakeAt !== undefined) arm(id, entry, wakeAt - clock.now().getTime());
      // Thousands of hosts report one by one: as long as it took is rested, so that one look serves many of them.
      if (tookMs > RESTED_MS) await new Promise((resolve) => setTimeout(resolve, Math.min(tookMs, LONGEST_REST_MS)));
    }
    entry.running = false;
  }

  async function advance(id: string, entry: Watched): Promise<number | "ended" | undefined> {
    try {
      return await parts.advance(id, entry.organizationId);
    } catch (error) {
      log.warn({ err: error, [field.area]: area, id }, "A piece of work could not go on; it is tried again.");
      return clock.now().getTime() + RETRY_MS;
    }
  }

  function arm(id: string, entry: Watched, ms: number): void {
    // Rounded up: a timer that fires a millisecond early would plan nothing and wait again.
    const delay = Math.min(LONGEST_TIMER_MS, Math.max(1, Math.ceil(ms)));
    entry.timer = setTimeout(() => look(id, entry.organizationId), delay);
  }

  async function readHeard(): Promise<void> {
    reading = true;
    while (told.size > 0 && !stopped) {
      const all = [...told];
      told.clear();
      for (const [organizationId, subjectIds] of all) await lookAtSubjects(organizationId, [...subjectIds]);
    }
    reading = false;
  }

  async function lookAtSubjects(organizationId: string, subjectIds: readonly string[]): Promise<void> {
    try {
      for (const id of await parts.readOfSubjects(organizationId, subjectIds)) {
        parts.onHeard?.(id, organizationId);
        look(id, organizationId);
      }
    } catch (error) {
      log.warn({ err: error, [field.area]: area }, "What hosts are part of could not be read; the net finds it.");
    }
  }

  async function lookAtOpen(dueBy?: Date): Promise<void> {
    try {
      for (const { id, organizationId } of await parts.readOpen(dueBy)) look(id, organizationId);
    } catch (error) {
      log.warn({ err: error, [field.area]: area }, "What is under way could not be read; it is tried again.");
    }
  }

  function inFlight(work: Promise<void>): void {
    const flight = work.finally(() => flights.delete(flight));
    flights.add(flight);
  }

  function castNet(): void {
    net = setTimeout(() => {
      const whole = clock.monotonicMs() - wholeAt >= WHOLE_NET_MS;
      if (whole) wholeAt = clock.monotonicMs();
      inFlight(lookAtOpen(whole ? undefined : clock.now()));
      if (!stopped) castNet();
    }, NET_MS);
  }

  return {
    look,
    heard: (organizationId, subjectId) => {
      if (stopped || ![...watched.values()].some((entry) => entry.organizationId === organizationId)) return;
      told.set(organizationId, (told.get(organizationId) ?? new Set()).add(subjectId));
      if (!reading) inFlight(readHeard());
    },
    lookAtOrganization: (organizationId) => {
      for (const [id, entry] of watched) if (entry.organizationId === organizationId) look(id, organizationId);
    },
    lookAtOpen: () => inFlight(lookAtOpen()),
    start: async () => {
      await lookAtOpen();
      castNet();
    },
    stop: async () => {
      stopped = true;
      clearTimeout(net);
      for (const entry of watched.values()) clearTimeout(entry.timer);
      await Promise.allSettled(flights);
    },
  };
}
