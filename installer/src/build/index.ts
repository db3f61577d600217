export { type BundleOptions, bundleProgram, terminalAddon } from "./bundle.ts";
export { type ExecutableOptions, makeExecutable } from "./executable.ts";
