export { formatStatus } from "./status-text.ts";
export { type HostStatus, readStatus } from "./status.ts";
