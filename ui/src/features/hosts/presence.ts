import type { Host, Host_Presence } from "@windflow/proto/client";
import type { Tone } from "../../kit/tone.ts";

export type Presence = "neverSeen" | "online" | "stale" | "offline" | "quarantined" | "revoked" | "unknown";

const PRESENCE: Record<Host_Presence, Presence> = {
  PRESENCE_UNSPECIFIED: "unknown",
  PRESENCE_NEVER_SEEN: "neverSeen",
  PRESENCE_ONLINE: "online",
  PRESENCE_STALE: "stale",
  PRESENCE_OFFLINE: "offline",
  PRESENCE_QUARANTINED: "quarantined",
  PRESENCE_REVOKED: "revoked",
};
export const PRESENCE_TONES: Record<Presence, Tone> = {
  neverSeen: "idle",
  online: "ok",
  stale: "warn",
  offline: "bad",
  quarantined: "warn",
  revoked: "idle",
  unknown: "idle",
};
/** The filter's word for each presence, as the API writes it. */
export const PRESENCE_FILTERS = {
  online: "online",
  stale: "stale",
  offline: "offline",
  neverSeen: "never-seen",
  quarantined: "quarantined",
  revoked: "revoked",
} as const;

export function presenceOf(host: Host | undefined): Presence {
  return PRESENCE[host?.presence ?? "PRESENCE_UNSPECIFIED"];
}
