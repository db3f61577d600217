export { eventually } from "./eventually.ts";
export * from "./installation/installation.ts";
export * from "./installation/stacks.ts";
