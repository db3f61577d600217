export { cgroupMounts } from "./cgroup-figures.ts";
export { createMetrics, type Metrics } from "./metrics.ts";
export { type OwnUsage, ownUsage } from "./own-usage.ts";
