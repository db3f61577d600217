import type { ServiceState, ServiceStatus } from "@windflow/core";

/** States in which a service does what it is there for. */
const WELL: ReadonlySet<ServiceState> = new Set(["running", "completed"]);

/** Since when each stack has been well without a break, as far as this process has seen it with its own eyes. */
export interface WellSince {
  /** Milliseconds since 1970; undefined while a service of the stack is not well. */
  of(stackId: string, services: readonly ServiceStatus[]): number | undefined;
}

interface Spell {
  readonly containers: string;
  readonly since: number;
}

/**
 * The start of a container says nothing of when its healthcheck passed, and the engine does not tell that time: so the
 * moment counts at which all services were first seen well, with the containers that they have now.
 */
export function createWellSince(now: () => number): WellSince {
  const spells = new Map<string, Spell>();
  return {
    of: (stackId, services) => {
      if (services.length === 0 || !services.every((service) => WELL.has(service.state))) {
        spells.delete(stackId);
        return undefined;
      }
      const containers = containersOf(services);
      const spell = spells.get(stackId);
      if (spell?.containers === containers) return spell.since;
      const begun = { containers, since: now() };
      spells.set(stackId, begun);
      return begun.since;
    },
  };
}

// With the times of their starts: a container that was started again in between has begun anew.
function containersOf(services: readonly ServiceStatus[]): string {
  return JSON.stringify(
    services.map(({ service, containerIds, since }) => [service, since, ...containerIds.toSorted()]),
  );
}
