export { createBuiltImages } from "./built-images.ts";
export { buildsErrors } from "./errors.ts";
export { createBuilds, type Builds } from "./builds.ts";
export type { BuildDrafts, BuildGateway, BuildHost, BuildHosts, DraftToBuild } from "./ports.ts";
export { createBuildsOnHosts, type BuildsOnHosts } from "./on-host.ts";
