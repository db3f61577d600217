import type { Build, Build_State } from "@windflow/proto/client";
import type { Tone } from "../../kit/tone.ts";

export type BuildWord = "unknown" | "pending" | "running" | "succeeded" | "failed" | "cancelled";
const WORDS: Record<Build_State, BuildWord> = {
  STATE_UNSPECIFIED: "unknown",
  STATE_PENDING: "pending",
  STATE_RUNNING: "running",
  STATE_SUCCEEDED: "succeeded",
  STATE_FAILED: "failed",
  STATE_CANCELLED: "cancelled",
};
export const BUILD_TONES: Record<BuildWord, Tone> = {
  unknown: "idle",
  pending: "busy",
  running: "busy",
  succeeded: "ok",
  failed: "bad",
  cancelled: "idle",
};
export const buildWord = (state: Build_State | undefined): BuildWord => WORDS[state ?? "STATE_UNSPECIFIED"];
/** Whether the build may still change. */
export function isBuilding(build: Build | undefined): boolean {
  return build !== undefined && (buildWord(build.state) === "pending" || buildWord(build.state) === "running");
}
/** Seconds from its begin to its end, or to now; undefined when it has not begun. */
export function buildSeconds(build: Build, nowMs: number): number | undefined {
  const from = Date.parse(build.startedAt ?? build.createdAt ?? "");
  if (Number.isNaN(from)) return undefined;
  return Math.max(0, ((build.endedAt ? Date.parse(build.endedAt) : nowMs) - from) / 1000);
}
export const serviceNames = (build: Build): string =>
  (build.services ?? []).map(({ service }) => service ?? "").join(", ");
