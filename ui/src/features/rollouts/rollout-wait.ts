import type { Rollout, Rollout_Wait } from "@windflow/proto/client";
import { rolloutWord, waveWord } from "./rollout-state.ts";

export type WaitKind = "hosts" | "approval" | "window" | "pause";

/** What a rollout waits for, and when waiting ends by itself. */
export interface StatedWait {
  kind: WaitKind;
  /** The wave that would begin; 0 when none is named. */
  wave: number;
  waveName: string;
  /** RFC 3339; absent when only an event ends it. */
  until: string | undefined;
}
const KINDS: Record<Rollout_Wait, WaitKind | undefined> = {
  WAIT_UNSPECIFIED: undefined,
  WAIT_HOSTS: "hosts",
  WAIT_APPROVAL: "approval",
  WAIT_WINDOW: "window",
  WAIT_PAUSE: "pause",
};
const MAY_WAIT: ReadonlySet<string> = new Set(["pending", "running", "waiting"]);

/** What the rollout waits for now; undefined while it goes on, is paused or has ended. */
export function waitOf(rollout: Rollout): StatedWait | undefined {
  const kind = KINDS[rollout.waitingFor ?? "WAIT_UNSPECIFIED"];
  if (kind === undefined || !MAY_WAIT.has(rolloutWord(rollout.state))) return undefined;
  const waves = rollout.waves ?? [];
  const next =
    waves.find((wave) => waveWord(wave.state) === "awaitingApproval") ??
    (kind === "pause" || kind === "approval" ? waves.find((wave) => waveWord(wave.state) === "pending") : undefined);
  return { kind, wave: next?.number ?? 0, waveName: next?.name ?? "", until: rollout.waitingUntil || undefined };
}

/** Seconds until `until`, never below 0; undefined without it. */
export function secondsUntil(until: string | undefined, nowMs: number): number | undefined {
  const at = Date.parse(until ?? "");
  return Number.isNaN(at) ? undefined : Math.max(0, Math.round((at - nowMs) / 1000));
}
