/** What a service, or a whole stack, is doing. `unknown` is not `stopped`: nobody has looked. */
export type ServiceState =
  | "unknown"
  | "pending"
  | "pulling"
  | "starting"
  | "running"
  | "unhealthy"
  | "completed"
  | "crash-looping"
  | "failed"
  | "stopped";

export interface ServiceStatus {
  readonly stackId: string;
  readonly service: string;
  readonly state: ServiceState;
  /** One sentence for a person. */
  readonly cause: string;
  /** Milliseconds since the epoch; absent when it is not known since when. */
  readonly since?: number;
  /** What the state was read from, a line a container. */
  readonly evidence: readonly string[];
  readonly containerIds: readonly string[];
}

export interface StackStatus {
  readonly stackId: string;
  readonly revision: number;
  readonly state: ServiceState;
  readonly cause: string;
  readonly services: readonly ServiceStatus[];
}

/** What needs a person's eye first. */
const GRAVITY: readonly ServiceState[] = [
  "failed",
  "crash-looping",
  "unhealthy",
  "unknown",
  "pulling",
  "pending",
  "starting",
  "stopped",
  "running",
  "completed",
];

/** Index of a state in the order of gravity; 0 is the gravest. */
export function gravity(state: ServiceState): number {
  return GRAVITY.indexOf(state);
}
