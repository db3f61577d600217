export { STEADY_AFTER_MS, readContainer, type ContainerReading } from "./container-state.ts";
export {
  OFFLINE_AFTER_MS,
  STALE_AFTER_MS,
  hostPresence,
  type HostPresence,
  type HostPresenceState,
  type LeaseFacts,
} from "./host-presence.ts";
export {
  HEALTHS,
  healthOf,
  hostHealth,
  worstHealth,
  type Health,
  type HostHealthFacts,
  type ReportedHealth,
} from "./health.ts";
export { sinceText, summaryText, type StandingCounts } from "./summary.ts";
export { rollUp, serviceStatus, stackStatus, type Activity, type StatusInput } from "./service-status.ts";
export { GRAVITY, gravity, worstState, type ServiceState, type ServiceStatus, type StackStatus } from "./states.ts";
