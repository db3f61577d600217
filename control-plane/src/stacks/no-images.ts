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

/** Leaves it to each host what its tags stand for. */
export const hostsResolve: ImageResolver = { resolve: async () => ({ images: [], unresolved: [] }) };
