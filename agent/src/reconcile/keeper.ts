import {
  applyPins,
  isRunning,
  newPins,
  prunePins,
  type DesiredWorld,
  type Hold,
  type ImagePin,
  type ObservedContainer,
  type ObservedWorld,
  type Plan,
  type Replacement,
} from "@windflow/core";
import type { ReconcileMemory, MemoryStore } from "./options.ts";

// An engine that shuts down stops its containers first, for as long as its own time-out lets them take.
const SHUTDOWN_WINDOW_MS = 15_000;

// Longer than several of the slowest replacements take.
const LATELY_MS = 300_000;

/** What is remembered over a restart of the agent. */
export interface Memory {
  readonly remembered: ReconcileMemory;
  /** Durable when it returns; writes nothing when nothing changes. */
  keep(next: Partial<ReconcileMemory>): void;
}

/** Remembers what a look at the engine cannot tell: pins, holds, and who was running when the engine or the host went down. */
export interface Keeper extends Memory {
  readonly holds: readonly Hold[];
  pinned(desired: DesiredWorld): DesiredWorld;
  /** Takes in a look at the world: resolves images, drops what belongs to revisions that are gone, notes who runs. */
  learn(
    world: ObservedWorld,
    desired: DesiredWorld,
    own: readonly ObservedContainer[],
    kept?: readonly Pick<ImagePin, "stackId" | "revision">[],
  ): void;
  pin(pin: ImagePin): void;
  hold(hold: Hold, containerId: string, now: number): void;
  release(hold: Hold): void;
  readonly replacements: readonly Replacement[];
  /** To be told before a plan is carried out: an agent that dies in the middle has to know later what it stopped, and for what. */
  notePlan(plan: Plan, own: readonly ObservedContainer[], now: number): void;
  /** It counts as running until a look shows that it was started. */
  noteStarting(containerId: string): void;
  /** A container was made for a place, by its {@link makingKey}. */
  noteMade(key: string, now: number): void;
  /** How many were made of late, by key. Not kept over a restart: a new agent tries again. */
  made(now: number): Readonly<Record<string, number>>;
  /** A container that took the place of another could not be started. */
  noteFailed(stackId: string, slot: string, reason: string): void;
  /** To be told before a container with `post_start` hooks is started, and after each: which is the next; undefined when all have run. */
  noteHooks(containerId: string, next: number | undefined): void;
  noteDeath(containerId: string, at: number): void;
  noteEngineLost(at: number): void;
  /** What is known of a container beside what its engine shows. */
  readonly recall: (container: ObservedContainer) => Pick<ObservedContainer, "interrupted" | "hooksDue">;
}

export function createKeeper(store: MemoryStore, bootId: string): Keeper {
  const stored = store.load();
  let memory: ReconcileMemory = stored ? { ...stored, bootId } : { pins: [], holds: [], running: [], bootId };
  // After a boot nothing of before runs, unless the engine started it again.
  const interrupted = new Set<string>(stored !== undefined && stored.bootId !== bootId ? stored.running : []);
  // A look that was begun before the start shows them as created still.
  const starting = new Set<string>();
  let makings: { readonly key: string; readonly at: number }[] = [];
  const deaths = new Map<string, number>();

  const keep = (next: Partial<ReconcileMemory>): void => {
    const changed = { ...memory, ...next };
    if (JSON.stringify(changed) === JSON.stringify(memory)) return;
    memory = changed;
    store.save(memory);
  };
  if (stored && stored.bootId !== bootId) store.save(memory);

  const sameHold = (a: Hold, b: Hold): boolean =>
    a.stackId === b.stackId && a.revision === b.revision && a.service === b.service && a.number === b.number;

  return {
    keep,
    get remembered() {
      return memory;
    },
    get holds() {
      return memory.holds;
    },
    pinned: (desired) => applyPins(desired, memory.pins),
    learn(world, desired, own, kept = []) {
      const pins = prunePins(desired, memory.pins, kept);
      const fresh = newPins(world, applyPins(desired, pins));
      const wanted = new Set(desired.stacks.map((stack) => `${stack.stackId} ${stack.revision}`));
      const running = own.filter(isRunning).map((container) => container.id);
      for (const id of running) interrupted.delete(id);
      for (const { id, state } of own) if (state !== "created") starting.delete(id);
      keep({
        pins: [...pins, ...fresh],
        holds: memory.holds.filter((hold) => wanted.has(`${hold.stackId} ${hold.revision}`)),
        running: running.toSorted(),
        ...(memory.hooksDue === undefined ? {} : { hooksDue: hooksOf(memory.hooksDue, own) }),
      });
    },
    pin(pin) {
      const others = memory.pins.filter(
        (known) =>
          known.stackId !== pin.stackId || known.revision !== pin.revision || known.reference !== pin.reference,
      );
      keep({ pins: [...others, pin] });
    },
    hold: (hold, containerId, now) =>
      keep({
        stopped: { ...memory.stopped, [containerId]: now },
        holds: [...memory.holds.filter((known) => !sameHold(known, hold)), hold],
      }),
    release: (hold) => keep({ holds: memory.holds.filter((known) => !sameHold(known, hold)) }),
    get replacements() {
      return memory.replacements ?? [];
    },
    noteStarting: (containerId) => void starting.add(containerId),
    noteMade(key, now) {
      makings.push({ key, at: now });
    },
    made(now) {
      makings = makings.filter(({ at }) => now - at < LATELY_MS);
      return Object.fromEntries([...Map.groupBy(makings, ({ key }) => key)].map(([key, times]) => [key, times.length]));
    },
    noteFailed(stackId, slot, reason) {
      const known = memory.replacements ?? [];
      const fails = (entry: Replacement): boolean =>
        entry.stackId === stackId && entry.slot === slot && entry.failure === undefined;
      if (known.some(fails))
        keep({ replacements: known.map((entry) => (fails(entry) ? { ...entry, failure: reason } : entry)) });
    },
    notePlan(plan, own, now) {
      const known = memory.stopped ?? {};
      const planned = new Set(plan.steps.flatMap((step) => (step.op === "stop-container" ? [step.containerId] : [])));
      const stopped = own.flatMap(({ id, detail }) => {
        const at = known[id];
        // A stop that an earlier agent asked for may still be under way, so that it runs is no proof; that it started since is.
        const stands = at !== undefined && (detail?.startedAt ?? 0) <= at;
        if (stands) return [[id, at] as const];
        return planned.has(id) ? [[id, now] as const] : [];
      });
      const { replacements } = plan;
      keep({
        stopped: Object.fromEntries(stopped),
        ...(replacements.length > 0 || memory.replacements !== undefined ? { replacements } : {}),
      });
    },
    noteDeath(containerId, at) {
      // A host may start and end containers by the thousand; only the last moments matter.
      for (const [id, diedAt] of deaths) if (at - diedAt > SHUTDOWN_WINDOW_MS) deaths.delete(id);
      deaths.set(containerId, at);
    },
    noteEngineLost(at) {
      for (const id of [...memory.running, ...starting]) interrupted.add(id);
      starting.clear();
      for (const [id, diedAt] of deaths) if (at - diedAt <= SHUTDOWN_WINDOW_MS) interrupted.add(id);
      deaths.clear();
    },
    noteHooks(containerId, next) {
      const { [containerId]: _before, ...others } = memory.hooksDue ?? {};
      keep({ hooksDue: next === undefined ? others : { ...others, [containerId]: next } });
    },
    recall(container) {
      const wasInterrupted =
        container.state === "exited" && (interrupted.has(container.id) || memory.stopped?.[container.id] !== undefined);
      const hooksDue = memory.hooksDue?.[container.id];
      return { ...(wasInterrupted ? { interrupted: true } : {}), ...(hooksDue === undefined ? {} : { hooksDue }) };
    },
  };
}

function hooksOf(
  due: Readonly<Record<string, number>>,
  own: readonly ObservedContainer[],
): Readonly<Record<string, number>> {
  const there = new Set(own.map((container) => container.id));
  return Object.fromEntries(Object.entries(due).filter(([id]) => there.has(id)));
}
