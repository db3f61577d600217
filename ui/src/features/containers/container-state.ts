import type { Container, Container_State } from "@windflow/proto/client";
import type { Tone } from "../../kit/tone.ts";

export type ContainerStatus =
  | "unknown"
  | "created"
  | "running"
  | "healthy"
  | "unhealthy"
  | "starting"
  | "paused"
  | "restarting"
  | "removing"
  | "exited"
  | "failed"
  | "dead";

const STATES: Record<Container_State, ContainerStatus> = {
  STATE_UNSPECIFIED: "unknown",
  STATE_CREATED: "created",
  STATE_RUNNING: "running",
  STATE_PAUSED: "paused",
  STATE_RESTARTING: "restarting",
  STATE_REMOVING: "removing",
  STATE_EXITED: "exited",
  STATE_DEAD: "dead",
};
export const STATUS_TONES: Record<ContainerStatus, Tone> = {
  unknown: "idle",
  created: "busy",
  running: "ok",
  healthy: "ok",
  unhealthy: "bad",
  starting: "busy",
  paused: "idle",
  restarting: "warn",
  removing: "busy",
  exited: "idle",
  failed: "bad",
  dead: "bad",
};

/** Ended by SIGINT, SIGKILL or SIGTERM: as a stop does it, which is no failure of the program. */
const STOPPED_CODES: ReadonlySet<number> = new Set([0, 130, 137, 143]);

/** State and health in one word: "running" is not said of what is unhealthy, nor "exited" of what failed. */
export function containerStatus(container: Container | undefined): ContainerStatus {
  const status = STATES[container?.state ?? "STATE_UNSPECIFIED"];
  if (status === "exited" && !STOPPED_CODES.has(container?.exitCode ?? 0)) return "failed";
  if (status !== "running") return status;
  if (container?.health === "HEALTH_HEALTHY") return "healthy";
  if (container?.health === "HEALTH_UNHEALTHY") return "unhealthy";
  return container?.health === "HEALTH_STARTING" ? "starting" : "running";
}
