export { describeStatus, describeUpdate } from "./describe.ts";
export type { FaultPoint } from "./fault.ts";
export { leaveTo } from "./hand-over.ts";
export { type Installation, installationHere, installationOf } from "./slots.ts";
export { type UpdateStatus, loadStatus } from "./status-file.ts";
export { type Updater, createUpdater } from "./updater.ts";
