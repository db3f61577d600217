export type * from "./engine.ts";
export { EngineError } from "./engine.ts";
export type * from "./options.ts";
export { createReconciler } from "./reconciler.ts";
