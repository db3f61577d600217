export type { HostStackFacts } from "./model.ts";
export { stackStatus } from "./plan.ts";
export { createProgressBoard, type ProgressBoard } from "./progress.ts";
export { serviceMessage, servicesOf, statusMessage } from "./wire.ts";
