import type { HostPresenceState } from "./host-presence.ts";
import type { ServiceState } from "./states.ts";
import { sinceText } from "./summary.ts";

/** What several services, stacks or hosts come to. `unknown`: nothing is known now; `empty`: there is nothing to be well or ill. */
export type Health = "unknown" | "ok" | "in-progress" | "failed" | "empty";

export const HEALTHS: readonly Health[] = ["failed", "unknown", "in-progress", "ok", "empty"];

/** What a state means for whoever asks only whether somebody has to do something. */
export function healthOf(state: ServiceState): Exclude<Health, "empty"> {
  switch (state) {
    case "failed":
    case "crash-looping":
    case "unhealthy":
      return "failed";
    case "unknown":
      return "unknown";
    case "pulling":
    case "starting":
    case "pending":
      return "in-progress";
    // What somebody stopped is as somebody wants it.
    case "stopped":
    case "running":
    case "completed":
      return "ok";
  }
}

/** The gravest; what is not known cannot hide what is known to have failed. */
export function worstHealth(all: readonly Health[]): Health {
  return HEALTHS.find((health) => all.includes(health)) ?? "empty";
}

/** What a host's last report came to. */
export interface ReportedHealth {
  readonly health: Health;
  /** e.g. "12 ok, 1 crash-looping: shop/web". */
  readonly summary: string;
}

/** Everything that a host's health is derived from. Times are milliseconds since 1970. */
export interface HostHealthFacts {
  readonly presence: HostPresenceState;
  readonly lastHeardAt?: number;
  /** Absent while it has not reported anything yet. */
  readonly reported?: ReportedHealth;
  readonly now: number;
}

/** A host's health as it may be told: what was reported, as long as the host is reached; else nothing is known now. */
export function hostHealth({ presence, lastHeardAt, reported, now }: HostHealthFacts): ReportedHealth {
  if (presence === "online" || presence === "stale")
    return reported ?? { health: "unknown", summary: "it has not reported yet" };
  if (presence === "never-seen") return { health: "unknown", summary: "its agent has not connected yet" };
  const known = reported === undefined || reported.summary === "" ? "" : `; last known: ${reported.summary}`;
  return { health: "unknown", summary: `not reached${sinceText(lastHeardAt, now)}${known}` };
}
