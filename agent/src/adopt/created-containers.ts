import type { CreatedAs, DesiredWorld, ObservedWorld } from "@windflow/core";
import type { AdoptEngine } from "./engine.ts";

// Inspects are cheap but many; the engine answers about this many as fast as more.
const AT_ONCE = 4;

/** Tells of adopted containers what they were created with: the planner compares it where their config hash says nothing. */
export interface CreatedContainers {
  /** The world with `created` on every adopted container in it. Rejects when the engine does not answer. */
  attach(world: ObservedWorld, desired: DesiredWorld | undefined): Promise<ObservedWorld>;
}

export function createCreatedContainers(engine: Pick<AdoptEngine, "createdAs">): CreatedContainers {
  // Each is asked once: what a container was created with does not change, but for its networks and limits.
  const known = new Map<string, { readonly key: string; readonly created: CreatedAs }>();

  return {
    async attach(world, desired) {
      const adopted = new Set((desired?.stacks ?? []).flatMap((stack) => stack.adopted ?? []));
      if (adopted.size === 0) return world;
      const wanted = world.containers.filter((container) => adopted.has(container.id));
      const there = new Set(wanted.map((container) => container.id));
      for (const id of known.keys()) if (!there.has(id)) known.delete(id);
      const keyOf = (container: (typeof wanted)[number]): string =>
        `${container.state} ${container.name} ${container.networks.map(({ name, networkId }) => `${name}=${networkId}`).join(" ")}`;
      const queue = wanted.filter((container) => known.get(container.id)?.key !== keyOf(container)).values();
      const worker = async (): Promise<void> => {
        for (const container of queue) {
          const created = await engine.createdAs(container.id);
          if (created !== undefined) known.set(container.id, { key: keyOf(container), created });
        }
      };
      await Promise.all(Array.from({ length: AT_ONCE }, worker));
      const containers = world.containers.map((container) => {
        const found = adopted.has(container.id) ? known.get(container.id) : undefined;
        return found === undefined ? container : { ...container, created: found.created };
      });
      return { ...world, containers };
    },
  };
}
