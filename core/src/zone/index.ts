export * from "./occurrences.ts";
export * from "./zone-clock.ts";
