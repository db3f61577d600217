export { createDrifts, type Drifts } from "./drift.ts";
export { driftErrors } from "./errors.ts";
export { countByStack } from "./store.ts";
