export type { HostStackFacts } from "./model.ts";
export { hostReportHealth, type HostReportHealth, type NamedStackFacts } from "./host-health.ts";
export { stackStatus } from "./plan.ts";
export { createProgressBoard, type ProgressBoard, type StackProgress } from "./progress.ts";
export { serviceMessage, servicesOf, statusMessage } from "./wire.ts";
