export * from "./limits.ts";
export * from "./metered.ts";
