import {
  indexWorld,
  ownContainers,
  type DesiredStack,
  type DesiredWorld,
  type ObservedContainer,
  type ObservedWorld,
} from "@windflow/core";
import type { Memory } from "./keeper.ts";
import type { BegunAttempt } from "./options.ts";

/** Of a container that was there already, and whose detail has not come yet. */
const UNKNOWN = -1;

/** What the engine shows of a container now, against what it showed before. */
export interface HandChanges {
  /** The world with `altered` on containers whose limits are not what they were when they were first seen. */
  attach(world: ObservedWorld, desired: DesiredWorld): ObservedWorld;
  /** Most restarts of one of its containers since the stack's attempt began: by the engine, and by us as its heal rule says. */
  restarts(stack: DesiredStack, own: readonly ObservedContainer[]): number;
}

export function createHandChanges(memory: Memory): HandChanges {
  const altered = new Map<string, readonly string[]>();

  return {
    attach(world, desired) {
      const index = indexWorld(world, desired);
      const own = desired.stacks.flatMap((stack) => ownContainers(index, stack));
      const there = new Set(own.map(({ id }) => id));
      for (const id of altered.keys()) if (!there.has(id)) altered.delete(id);
      const engine = `${world.engine.name} ${world.engine.version}`;
      // Another version may word the same limits otherwise: what it shows first is what counts.
      const isSame = (memory.remembered.limitsOf ?? engine) === engine;
      if (!isSame) altered.clear();
      const known = (isSame ? memory.remembered.limits : undefined) ?? {};
      const limits: Record<string, readonly string[]> = {};
      for (const { id, detail } of own) {
        const before = known[id] ?? detail?.limits;
        if (before === undefined) continue;
        limits[id] = before;
        if (detail?.limits !== undefined) altered.set(id, differing(before, detail.limits));
      }
      const begun = desired.stacks.map((stack) => begunOf(memory, stack, ownContainers(index, stack)));
      if (Object.keys(limits).length > 0 || begun.length > 0 || memory.remembered.limits !== undefined)
        memory.keep({ limits, limitsOf: engine, begun });
      const containers = world.containers.map((container) => {
        const changed = altered.get(container.id) ?? [];
        return changed.length === 0 ? container : { ...container, altered: changed };
      });
      return { ...world, containers };
    },
    restarts(stack, own) {
      const begun = memory.remembered.begun?.find((one) => isOf(one, stack));
      const byEngine = own.map(({ id, detail }) => {
        const before = begun?.restarts[id] ?? 0;
        return before === UNKNOWN ? 0 : (detail?.restartCount ?? 0) - before;
      });
      const byUs = (memory.remembered.heals ?? []).filter((heal) => isOf(heal, stack)).map(({ total }) => total);
      return Math.max(0, ...byEngine, ...byUs);
    },
  };
}

function begunOf(memory: Memory, stack: DesiredStack, own: readonly ObservedContainer[]): BegunAttempt {
  const known = memory.remembered.begun?.find((one) => isOf(one, stack));
  const { stackId, revision, attempt = "" } = stack;
  const restarts = own.flatMap(({ id, detail }) => {
    const before = known === undefined ? UNKNOWN : known.restarts[id];
    // One that came later has had none before.
    if (before === undefined) return [];
    return [[id, before === UNKNOWN ? (detail?.restartCount ?? UNKNOWN) : before] as const];
  });
  return { stackId, revision, attempt, restarts: Object.fromEntries(restarts) };
}

function isOf(
  one: { readonly stackId: string; readonly revision: number; readonly attempt: string },
  stack: DesiredStack,
): boolean {
  return one.stackId === stack.stackId && one.revision === stack.revision && one.attempt === (stack.attempt ?? "");
}

function differing(before: readonly string[], now: readonly string[]): string[] {
  const names = (limits: readonly string[], others: readonly string[]): string[] =>
    limits.filter((limit) => !others.includes(limit)).map((limit) => limit.slice(0, limit.indexOf("=")));
  return [...new Set([...names(before, now), ...names(now, before)])].toSorted();
}
