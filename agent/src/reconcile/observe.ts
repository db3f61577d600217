import { isDeepStrictEqual } from "node:util";
import type { ContainerDetail, EngineFacts, ObservedContainer, ObservedImage, ObservedWorld } from "@windflow/core";
import type { Clock } from "../platform/clock.ts";
import { within } from "./deadline.ts";
import type { EngineEvent, ReconcileEngine } from "./engine.ts";

// Inspects are cheap but many; the engine answers about this many as fast as more.
const DETAILS_AT_ONCE = 4;
// Lists take milliseconds; on a host that swaps, seconds. After this the engine hangs.
const LOOK_DEADLINE_MS = 20_000;

interface KnownDetail {
  readonly key: string;
  readonly detail: ContainerDetail;
}

/** What one look saw. */
export interface Look {
  readonly world: ObservedWorld;
  /** Two looks with equal ones, element by element, saw the same, and no event told of anything between them. */
  readonly marks: readonly unknown[];
}

/** Looks at an engine. Keeps only what events tell to be unchanged, so a look costs one call a list. */
export interface Observer {
  look(recall: (container: ObservedContainer) => Partial<ObservedContainer>): Promise<Look>;
  /** Inspects containers whose detail is not known; true when that told anything new. */
  refreshDetails(containers: readonly ObservedContainer[]): Promise<boolean>;
  /** Marks what an event says has changed. */
  note(event: EngineEvent): void;
  /** Takes nothing for unchanged with the next look at details, whatever events told. */
  doubt(): void;
  /** Forgets everything, for an engine that was away. */
  forget(): void;
}

export function createObserver(engine: ReconcileEngine, clock: Clock): Observer {
  let facts: EngineFacts | undefined;
  let images: readonly ObservedImage[] | undefined;
  let imagesStamp = 0;
  let doubted = false;
  let noted = 0;
  const details = new Map<string, KnownDetail>();
  const changes = new Map<string, number>();

  const keyOf = (container: ObservedContainer): string =>
    `${container.state} ${container.health} ${changes.get(container.id) ?? 0}`;

  const listImages = async (): Promise<readonly ObservedImage[]> => {
    if (images) return images;
    const stamp = imagesStamp;
    const listed = await engine.listImages();
    // An image event that came meanwhile makes this list old already.
    if (stamp === imagesStamp) images = listed;
    return listed;
  };

  return {
    async look(recall) {
      const observedAt = clock.now();
      const notedBefore = noted;
      const lists = Promise.all([
        engine.listContainers(),
        engine.listNetworks(),
        engine.listVolumes(),
        listImages(),
        facts ?? engine.facts(),
      ]);
      const answered = await within(clock, LOOK_DEADLINE_MS, "lists of what is there", lists);
      const [containers, networks, volumes, currentImages, currentFacts] = answered;
      facts = currentFacts;
      const ids = new Set(containers.map((container) => container.id));
      for (const id of [...details.keys(), ...changes.keys()])
        if (!ids.has(id)) {
          details.delete(id);
          changes.delete(id);
        }
      const complete = containers.map((container) => {
        const known = details.get(container.id);
        return {
          ...container,
          ...(known?.key === keyOf(container) ? { detail: known.detail } : {}),
          ...recall(container),
        };
      });
      return {
        world: { observedAt, engine: currentFacts, containers: complete, networks, volumes, images: currentImages },
        marks: [currentFacts, containers, networks, volumes, currentImages, notedBefore],
      };
    },

    async refreshDetails(containers) {
      const all = doubted;
      doubted = false;
      const stale = containers.filter((container) => all || details.get(container.id)?.key !== keyOf(container));
      const queue = stale.values();
      let isNew = false;
      const worker = async (): Promise<void> => {
        for (const container of queue) {
          const key = keyOf(container);
          const asked = engine.containerDetail(container.id);
          const detail = await within(clock, LOOK_DEADLINE_MS, `inspection of ${container.name}`, asked);
          const before = details.get(container.id);
          if (!detail || (before?.key === key && isDeepStrictEqual(before.detail, detail))) continue;
          details.set(container.id, { key, detail });
          isNew = true;
        }
      };
      await Promise.all(Array.from({ length: DETAILS_AT_ONCE }, worker));
      return isNew;
    },

    note(event) {
      noted += 1;
      if (event.type === "image") {
        images = undefined;
        imagesStamp += 1;
      }
      if (event.type === "container") changes.set(event.id, (changes.get(event.id) ?? 0) + 1);
    },

    doubt() {
      doubted = true;
      images = undefined;
      imagesStamp += 1;
    },

    forget() {
      facts = undefined;
      images = undefined;
      imagesStamp += 1;
      details.clear();
      changes.clear();
    },
  };
}
