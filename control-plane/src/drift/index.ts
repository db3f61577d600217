export { createDrifts, type Drifts } from "./drift.ts";
export { driftErrors } from "./errors.ts";
export { driftLines } from "./model.ts";
export { countByStack } from "./store.ts";
