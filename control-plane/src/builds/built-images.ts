import type { PlatformImage, ResolvedImage } from "@windflow/proto/agent";
import type { ComposeModel } from "@windflow/core";
import type { FileStore, TravellingFile } from "../files/index.ts";
import type { Caller, Clock, Database } from "../platform/index.ts";
import { collectBuilds } from "./collect.ts";
import { inputDigest, type PlannedBuild } from "./inputs.ts";
import type { BuiltImage, StackToBuild } from "./model.ts";
import type { BuildHosts } from "./ports.ts";
import { readImages, touchImages } from "./store-images.ts";

/** A source on its way to become a revision. */
export interface ImagesToFind {
  readonly stack: StackToBuild;
  readonly model: ComposeModel;
  readonly files: readonly TravellingFile[];
}
export interface FoundImages {
  readonly images: readonly ResolvedImage[];
  readonly missing: readonly { readonly service: string; readonly why: string }[];
}

// For a stack that belongs on no host yet: one of these has to be built.
const USUAL_PLATFORMS = ["linux/amd64", "linux/arm64"];

/** Finds what was built of a source before, for every platform of the stack's hosts. Outside of a unit of work. */
export function createBuiltImages(parts: {
  readonly database: Database;
  readonly clock: Clock;
  readonly files: FileStore;
  readonly hosts: BuildHosts;
}): { builtFor(caller: Caller, wanted: ImagesToFind): Promise<FoundImages> } {
  const { database, clock, hosts } = parts;
  return {
    builtFor: async (caller, wanted) => {
      if (Object.values(wanted.model.services).every(({ build }) => build === undefined))
        return { images: [], missing: [] };
      const { organizationId } = wanted.stack;
      const planned = await collectBuilds(parts, { organizationId, model: wanted.model, files: wanted.files });
      return database.inOrganization(caller, async (tx) => {
        const placed = await hosts.placed(tx, wanted.stack, false);
        const platforms = [...new Set(placed.map(({ platform }) => platform))].toSorted();
        const asked = platforms.length === 0 ? USUAL_PLATFORMS : platforms;
        const inputs = planned.flatMap((build) =>
          platformsOf(build, asked).map((platform) => inputDigest(build, platform)),
        );
        const built = await readImages(tx, inputs);
        await touchImages(tx, [...built.keys()], clock.now());
        return found(planned, built, { asked, needsAll: platforms.length > 0 });
      });
    },
  };
}

function found(
  planned: readonly PlannedBuild[],
  built: ReadonlyMap<string, BuiltImage>,
  { asked, needsAll }: { readonly asked: readonly string[]; readonly needsAll: boolean },
): FoundImages {
  const images: ResolvedImage[] = [];
  const missing: { service: string; why: string }[] = [];
  for (const build of planned) {
    const platforms = platformsOf(build, asked);
    const there = platforms.flatMap((platform) => built.get(inputDigest(build, platform)) ?? []);
    if (there.length === 0 || (needsAll && there.length < platforms.length)) {
      const lacking = platforms.filter((platform) => !built.has(inputDigest(build, platform)));
      missing.push({ service: build.service, why: `it is not built from these files for ${lacking.join(", ")}` });
    }
    // Every host of the stack runs a service that names its platform.
    images.push({
      reference: build.reference,
      platforms: there.map((image) => platformImage(image, build.platform === "" ? image.platform : "")),
    });
  }
  return { images, missing };
}

function platformsOf(build: PlannedBuild, asked: readonly string[]): readonly string[] {
  return build.platform === "" ? asked : [build.platform];
}

function platformImage(image: BuiltImage, platform: string): PlatformImage {
  return {
    platform,
    manifestDigest: image.manifestDigest,
    configDigest: image.configDigest,
    layers: image.layers.map(({ digest, sizeBytes }) => ({ digest, sizeBytes: BigInt(sizeBytes) })),
    configSizeBytes: BigInt(image.configSizeBytes),
  };
}
