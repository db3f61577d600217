export {
  serviceStateOf,
  worstState,
  type HostStackFacts,
  type HostStackStatus,
  type ServiceState,
  type ServiceStatus,
  type StackStatus,
} from "./model.ts";
export { hostStackStatus, stackStatus } from "./plan.ts";
export { createProgressBoard, type ProgressBoard, type StackProgress } from "./progress.ts";
export { serviceMessage, servicesOf, statusMessage } from "./wire.ts";
