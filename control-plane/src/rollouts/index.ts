export { createDesiredStates, type DesiredStates } from "./desired.ts";
export { rolloutsErrors } from "./errors.ts";
export { desiredStateChanged, rolloutTouched } from "./events.ts";
export type { Generation, HostView, StackReport } from "./model.ts";
export type { HostWork, RolloutSight } from "./ports.ts";
export { createRolloutsService, type RolloutsService } from "./service.ts";
export { readOpenIds, readOpenOfHost, type StoredRollout } from "./store.ts";
export { readRefusals, readStackHosts } from "./store-desired.ts";
export { createRolloutWorker, type RolloutWorker } from "./worker.ts";
