import {
  applyPins,
  indexWorld,
  resolveImage,
  type DesiredStack,
  type ImagePin,
  type ObservedWorld,
} from "@windflow/core";
import { type Log, reasonOf } from "./platform/log.ts";
import { EngineError } from "./reconcile/engine.ts";
import { createSingleFlight } from "./reconcile/single-flight.ts";
import type { Clock } from "./platform/clock.ts";

/** Names below it are ours alone: an image of a kept revision has one, so that no pull of a moved tag leaves it nameless. */
const REPOSITORY = "windflow-kept";
// As many digits of an id as docker itself shows.
const SHORT_ID = 12;

/** What the keeping of images asks of an engine. */
export interface TagEngine {
  tagImage(imageId: string, repository: string, tag: string): Promise<void>;
  /** An image without any other name goes with it, unless a container uses it. */
  untagImage(name: string): Promise<void>;
}

/** Names images of kept revisions, and takes the names back of those that are kept no longer. */
export interface KeptTags {
  follow(world: ObservedWorld, kept: readonly DesiredStack[]): void;
  stop(): Promise<void>;
}

interface Tag {
  readonly imageId: string;
  readonly repository: string;
  readonly tag: string;
}

export function createKeptTags(parts: {
  readonly engine: TagEngine;
  readonly clock: Clock;
  readonly log: Log;
  pins(): readonly ImagePin[];
}): KeptTags {
  const { engine, log } = parts;
  let seen: { readonly world: ObservedWorld; readonly kept: readonly DesiredStack[] } | undefined;
  // What an engine refused once it refuses again; a restart of the agent tries anew.
  const refused = new Set<string>();
  let last = "";

  const attempt = async (name: string, act: () => Promise<void>): Promise<void> => {
    if (refused.has(name)) return;
    try {
      await act();
    } catch (error) {
      log("warn", "The name of a kept image could not be set.", { image: name, reason: reasonOf(error) });
      // One that is away has refused nothing: the next look tries again.
      if (error instanceof EngineError && error.unreachable) last = "";
      else refused.add(name);
    }
  };
  const flight = createSingleFlight(async () => {
    if (seen === undefined) return;
    const { world, kept } = seen;
    const wanted = new Map(tagsOf(world, kept, parts.pins()).map((one) => [`${one.repository}:${one.tag}`, one]));
    const there = new Set(world.images.flatMap(({ tags }) => tags).map((name) => name.replace(/^localhost\//, "")));
    for (const [name, { imageId, repository, tag }] of wanted)
      if (!there.has(name)) await attempt(name, () => engine.tagImage(imageId, repository, tag));
    for (const name of there)
      if (name.startsWith(`${REPOSITORY}/`) && !wanted.has(name)) await attempt(name, () => engine.untagImage(name));
  }, parts.clock);
  return {
    follow(world, kept) {
      // An image that a container uses keeps its name for as long.
      const used = new Set(world.containers.map(({ imageId }) => imageId));
      const images = world.images.map(({ id, tags }) => [id, tags, used.has(id)]);
      const next = JSON.stringify([kept.map(({ bodyDigest }) => bodyDigest), images]);
      if (next === last) return;
      last = next;
      seen = { world, kept };
      flight.request();
    },
    stop: () => flight.stop(),
  };
}

function tagsOf(world: ObservedWorld, kept: readonly DesiredStack[], pins: readonly ImagePin[]): Tag[] {
  const desired = { organizationId: "", generation: "", stacks: kept };
  const index = indexWorld(world, desired);
  return applyPins(desired, pins).stacks.flatMap((stack) =>
    Object.entries(stack.model.services).flatMap(([name, service]) => {
      const standing = resolveImage(index, stack, name, service);
      if (standing.kind !== "present") return [];
      const { imageId } = standing;
      const tag = `r${stack.revision}-${imageId.replace(/^sha256:/, "").slice(0, SHORT_ID)}`;
      return { imageId, repository: `${REPOSITORY}/${repositoryPart(stack.project)}`, tag };
    }),
  );
}

// A project may end in what a repository may not.
function repositoryPart(project: string): string {
  return project.replace(/[_-]+/g, "-").replace(/^-|-$/g, "");
}
