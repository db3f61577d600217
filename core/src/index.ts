export * from "./adopt/index.ts";
export * from "./compose/index.ts";
export * from "./digest/index.ts";
export * from "./metrics/index.ts";
export * from "./reconcile/index.ts";
export * from "./seal/index.ts";
export * from "./session-auth/index.ts";
export * from "./status/index.ts";
