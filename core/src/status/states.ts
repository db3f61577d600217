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
  /** When the host tries again by itself, in milliseconds since the epoch; absent when it does not. */
  readonly nextAttemptAt?: number;
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
export const GRAVITY: readonly ServiceState[] = [
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

/**
 * What several come to: the gravest. Those that all run, are done or were stopped on purpose run as long as one does.
 * Undefined for none.
 */
export function worstState(states: readonly ServiceState[]): ServiceState | undefined {
  const well = states.every((state) => state === "running" || state === "completed" || state === "stopped");
  if (well && states.includes("running")) return "running";
  return GRAVITY.find((state) => states.includes(state));
}
