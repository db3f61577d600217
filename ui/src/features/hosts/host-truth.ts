import type { Host } from "@windflow/proto/client";
import { presenceOf } from "./presence.ts";

/** How old what is shown of a host is: fresh, the last that is known, or nothing. */
export type TruthAge = { kind: "now"; at: string } | { kind: "last"; at: string; since: string } | { kind: "never" };

/** Clocks further apart than this make times hard to compare. */
const SKEW_WORTH_SAYING_S = 2;

export function truthAge(host: Host): TruthAge {
  const presence = presenceOf(host);
  if (!host.lastSeenAt || presence === "neverSeen") return { kind: "never" };
  if (presence === "online") return { kind: "now", at: host.lastSeenAt };
  return { kind: "last", at: host.lastSeenAt, since: host.presenceSince || host.lastSeenAt };
}

/** Seconds that the host's clock is ahead (behind: negative), 0 when it is in step as far as a person cares. */
export function skewWorthSaying(host: Host): number {
  const skew = host.facts?.clockSkewSeconds ?? 0;
  return Math.abs(skew) > SKEW_WORTH_SAYING_S ? skew : 0;
}
