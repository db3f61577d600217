export type { HostStackFacts } from "./model.ts";
export { hostReportHealth, type HostReportHealth, type NamedStackFacts } from "./host-health.ts";
export { countedFacts } from "./counted.ts";
export { stackStatus, statusOfAlike, type AlikeHosts } from "./plan.ts";
export { createProgressBoard, type ProgressBoard, type StackProgress } from "./progress.ts";
export { serviceMessage, servicesOf, statusMessage } from "./wire.ts";
