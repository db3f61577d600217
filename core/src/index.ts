export * from "./compose/index.ts";
export * from "./digest/index.ts";
