import { hostChanged, hostPresenceChanged, hostRevoked } from "../hosts/index.ts";
import { field, type Database, type EventBus, type EventType, type Log, type UnitOfWork } from "../platform/index.ts";
import { advanceRollout, type AdvanceParts } from "./advance.ts";
import { rolloutOpened, rolloutsHeard, rolloutTouched } from "./events.ts";
import { isEnded } from "./model.ts";
import { readOpenOfHosts, readOpenRollouts } from "./store.ts";
import { windowsChanged } from "../windows/index.ts";

export interface RolloutWorker {
  /** Takes up every rollout under way: after a crash it goes on from what the database says. */
  start(): Promise<void>;
  stop(): Promise<void>;
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

interface Parts extends AdvanceParts {
  readonly database: Database;
  readonly bus: EventBus;
  readonly log: Log;
  /** A host's report was stored: higher domains own that event. */
  readonly hostObserved: EventType<{ organizationId: string; hostId: string }>;
}

/**
 * Keeps rollouts going. Single flight per rollout: any event only says "look again". What happens is decided and
 * written by `advanceRollout` in one transaction that holds the rollout's row: several replicas may try at once, and
 * the database gives the row free when a process dies. A lease in time would be slower to take over and no safer.
 */
export function createRolloutWorker(parts: Parts): RolloutWorker {
  const { database, bus, clock, log } = parts;
  const watched = new Map<string, Watched>();
  const stops: (() => void)[] = [];
  const flights = new Set<Promise<void>>();
  /** Organization → hosts that said something since rollouts were last looked for. */
  const told = new Map<string, Set<string>>();
  let reading = false;
  let net: NodeJS.Timeout | undefined;
  let stopped = false;
  let wholeAt = clock.monotonicMs();

  function look(rolloutId: string, organizationId: string): void {
    if (stopped) return;
    const entry = watched.get(rolloutId) ?? { organizationId, dirty: false, running: false };
    watched.set(rolloutId, entry);
    entry.dirty = true;
    if (entry.running) return;
    entry.running = true;
    inFlight(fly(rolloutId, entry));
  }

  async function fly(rolloutId: string, entry: Watched): Promise<void> {
    while (entry.dirty && !stopped) {
      entry.dirty = false;
      clearTimeout(entry.timer);
      const from = clock.monotonicMs();
      const wakeAt = await advance(rolloutId, entry);
      const tookMs = clock.monotonicMs() - from;
      if (wakeAt === "ended") {
        // Somebody took it up again between that look and this line.
        if (entry.dirty) continue;
        watched.delete(rolloutId);
        break;
      }
      if (wakeAt !== undefined) arm(rolloutId, entry, wakeAt - clock.now().getTime());
      // Thousands of hosts report one by one: as long as it took is rested, so that one look serves many of them.
      if (tookMs > RESTED_MS) await new Promise((resolve) => setTimeout(resolve, Math.min(tookMs, LONGEST_REST_MS)));
    }
    entry.running = false;
  }

  async function advance(rolloutId: string, entry: Watched): Promise<number | "ended" | undefined> {
    try {
      const advanced = await database.inOrganization(entry.organizationId, (tx) =>
        advanceRollout(tx, rolloutId, parts),
      );
      return advanced === undefined || isEnded(advanced.rollout.state) ? "ended" : advanced.wakeAt;
    } catch (error) {
      log.warn({ err: error, [field.rolloutId]: rolloutId }, "A rollout could not go on; it is tried again.");
      return clock.now().getTime() + RETRY_MS;
    }
  }

  function arm(rolloutId: string, entry: Watched, ms: number): void {
    // Rounded up: a timer that fires a millisecond early would plan nothing and wait again.
    const delay = Math.min(LONGEST_TIMER_MS, Math.max(1, Math.ceil(ms)));
    entry.timer = setTimeout(() => look(rolloutId, entry.organizationId), delay);
  }

  function heard({ organizationId, hostId }: { organizationId: string; hostId: string }): void {
    if (stopped || ![...watched.values()].some((entry) => entry.organizationId === organizationId)) return;
    const hosts = told.get(organizationId) ?? new Set();
    told.set(organizationId, hosts.add(hostId));
    if (!reading) inFlight(readHeard());
  }

  /** Which rollouts the hosts are in that were heard: one question for all that spoke while the last one was asked. */
  async function readHeard(): Promise<void> {
    reading = true;
    while (told.size > 0 && !stopped) {
      const all = [...told];
      told.clear();
      for (const [organizationId, hostIds] of all) await lookAtHosts(organizationId, [...hostIds]);
    }
    reading = false;
  }

  async function lookAtHosts(organizationId: string, hostIds: readonly string[]): Promise<void> {
    try {
      const read = (tx: UnitOfWork): Promise<string[]> => readOpenOfHosts(tx, hostIds);
      for (const rolloutId of await database.inOrganization(organizationId, read, { readOnly: true })) {
        // Its services may be another step on although the rollout is not.
        bus.deliver({ name: rolloutTouched.name, payload: { organizationId, rolloutId } });
        look(rolloutId, organizationId);
      }
    } catch (error) {
      const fields = { err: error, [field.area]: "rollouts" };
      log.warn(fields, "The rollouts of hosts could not be read; the net finds them.");
    }
  }

  async function lookAtOpen(dueBy?: Date): Promise<void> {
    try {
      const open = await database.asSystem((tx) => readOpenRollouts(tx, dueBy), { readOnly: true });
      for (const { rolloutId, organizationId } of open) look(rolloutId, organizationId);
    } catch (error) {
      log.warn({ err: error, [field.area]: "rollouts" }, "The rollouts could not be read; it is tried again.");
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
    start: async () => {
      for (const type of [parts.hostObserved, hostPresenceChanged, hostRevoked, hostChanged, rolloutsHeard]) {
        stops.push(bus.on<{ organizationId: string; hostId: string }>(type, heard));
      }
      stops.push(bus.on(rolloutOpened, ({ rolloutId, organizationId }) => look(rolloutId, organizationId)));
      stops.push(
        bus.on(windowsChanged, ({ organizationId }) => {
          for (const [rolloutId, entry] of watched)
            if (entry.organizationId === organizationId) look(rolloutId, organizationId);
        }),
      );
      stops.push(bus.onGap(() => inFlight(lookAtOpen())));
      await lookAtOpen();
      castNet();
    },
    stop: async () => {
      stopped = true;
      for (const stop of stops) stop();
      clearTimeout(net);
      for (const entry of watched.values()) clearTimeout(entry.timer);
      await Promise.allSettled(flights);
    },
  };
}
