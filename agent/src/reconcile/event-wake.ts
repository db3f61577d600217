import type { EngineEvent } from "./engine.ts";

/** How soon an event calls for another look. */
export type Urgency = "at-once" | "soon" | "never";

/** Looks that come of a burst of small changes are taken together within this. */
export const SOON_MS = 25;

// These change what runs or what may start next; the rest is seen soon enough.
const DECISIVE = /^(die|destroy|remove|oom|health_status)/;
const NOISE = new Set([
  "kill",
  "mount",
  "unmount",
  "tag",
  "push",
  "attach",
  "top",
  "resize",
  "exec_create",
  "exec_die",
]);

/**
 * @param isOwn whether a step of ours that is in flight acts on the thing: then its end tells more than the event does.
 * @param isWorking whether steps are in flight that end in a look of their own.
 */
export function urgencyOf(event: EngineEvent, isOwn: boolean, isWorking: boolean): Urgency {
  if (isOwn || NOISE.has(event.action)) return "never";
  if (event.type === "container" && DECISIVE.test(event.action)) return "at-once";
  return isWorking ? "never" : "soon";
}
