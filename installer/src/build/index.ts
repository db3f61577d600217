export { type BundleOptions, bundleProgram, terminalAddon } from "./bundle.ts";
export { type ExecutableOptions, makeExecutable } from "./executable.ts";
export { type BuildFacts, buildFacts } from "./facts.ts";
export { neededVersions, oldestGlibc } from "./glibc.ts";
export type { Arch } from "./runtime.ts";
export { type BillOptions, billOfMaterials } from "./sbom.ts";
export { developmentKey, publicHalf, signChecksums } from "./signing.ts";
