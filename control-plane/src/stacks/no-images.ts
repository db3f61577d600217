import type { ResolvedImage } from "@windflow/proto/agent";
import type { BuiltImages, ImageResolver } from "./ports.ts";

/** For an installation without builds: every service that needs one is missing it. */
export const nothingBuilt: BuiltImages = {
  builtFor: async (_caller, { model }) => ({
    images: [],
    missing: Object.entries(model.services).flatMap(([service, { build }]) =>
      build === undefined ? [] : [{ service, why: "it has not been built" }],
    ),
  }),
};

/** What is known already, of a revision that is made from another: the same bytes, and nobody is asked. */
export function knownImages(images: readonly ResolvedImage[]): { built: BuiltImages; resolver: ImageResolver } {
  const isBuilt = ({ platforms }: ResolvedImage): boolean => platforms.some(({ layers }) => layers.length > 0);
  return {
    built: { builtFor: async () => ({ images: images.filter(isBuilt), missing: [] }) },
    resolver: {
      resolve: async (_caller, wanted) => {
        const references = new Set(wanted.images.map(({ reference }) => reference));
        return {
          images: images.filter((image) => !isBuilt(image) && references.has(image.reference)),
          unresolved: [],
        };
      },
    },
  };
}

/** Leaves it to each host what its tags stand for. */
export const hostsResolve: ImageResolver = { resolve: async () => ({ images: [], unresolved: [] }) };
