import type { ServiceState } from "@windflow/proto/client";
import type { Tone } from "../../kit/tone.ts";

export type ServiceWord =
  | "none"
  | "unknown"
  | "pending"
  | "pulling"
  | "starting"
  | "running"
  | "unhealthy"
  | "completed"
  | "crashLooping"
  | "failed"
  | "stopped";

const WORDS: Record<ServiceState, ServiceWord> = {
  SERVICE_STATE_UNSPECIFIED: "none",
  SERVICE_STATE_UNKNOWN: "unknown",
  SERVICE_STATE_PENDING: "pending",
  SERVICE_STATE_PULLING: "pulling",
  SERVICE_STATE_STARTING: "starting",
  SERVICE_STATE_RUNNING: "running",
  SERVICE_STATE_UNHEALTHY: "unhealthy",
  SERVICE_STATE_COMPLETED: "completed",
  SERVICE_STATE_CRASH_LOOPING: "crashLooping",
  SERVICE_STATE_FAILED: "failed",
  SERVICE_STATE_STOPPED: "stopped",
};
export const SERVICE_TONES: Record<ServiceWord, Tone> = {
  none: "idle",
  unknown: "idle",
  pending: "busy",
  pulling: "busy",
  starting: "busy",
  running: "ok",
  unhealthy: "bad",
  completed: "ok",
  crashLooping: "bad",
  failed: "bad",
  stopped: "idle",
};
/** States that pass by themselves. */
export const UNDER_WAY: ReadonlySet<ServiceWord> = new Set<ServiceWord>(["pending", "pulling", "starting"]);

export function serviceWord(state: ServiceState | undefined): ServiceWord {
  return WORDS[state ?? "SERVICE_STATE_UNSPECIFIED"];
}
