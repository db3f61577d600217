/** Whether a host can be reached, as a lease tells. */
export type HostPresenceState = "never-seen" | "online" | "stale" | "offline" | "quarantined" | "revoked";

/** Heartbeats come every 15 s, so one that is lost changes nothing. */
export const STALE_AFTER_MS = 45_000;
export const OFFLINE_AFTER_MS = 90_000;

/** Facts of a host's lease; times in milliseconds since the epoch. */
export interface LeaseFacts {
  readonly enrolledAt: number;
  /** When the last byte came from it. */
  readonly lastSeenAt?: number;
  /** A session is open; it counts only while the lease is fresh, since a dead link closes nothing. */
  readonly sessionOpen: boolean;
  /** Until when no control plane was there that could have heard it: silence counts from then on. */
  readonly unheardUntil?: number;
  /** When its session was seen to end, while none is open: from then on the longer intervals of a metered host count no more. */
  readonly sessionClosedAt?: number;
  readonly quarantinedAt?: number;
  readonly revokedAt?: number;
  readonly now: number;
  /** Longer intervals of a metered host: how much later than usual it is stale and offline, ≥ 1. */
  readonly patience?: number;
}

export interface HostPresence {
  readonly state: HostPresenceState;
  readonly since: number;
  readonly cause: string;
}

/** The one place that says whether a host is online. Silence makes it stale, then offline; nothing here says that its containers are down. */
export function hostPresence(facts: LeaseFacts): HostPresence {
  if (facts.revokedAt !== undefined)
    return { state: "revoked", since: facts.revokedAt, cause: "its certificate was revoked" };
  if (facts.quarantinedAt !== undefined)
    return { state: "quarantined", since: facts.quarantinedAt, cause: "two machines use its key: approve one of them" };
  if (facts.lastSeenAt === undefined)
    return { state: "never-seen", since: facts.enrolledAt, cause: "its agent has not connected yet" };
  const [staleAt, offlineAt] = [deadline(facts, STALE_AFTER_MS), deadline(facts, OFFLINE_AFTER_MS)];
  if (facts.now > offlineAt) return { state: "offline", since: offlineAt, cause: silence(facts, offlineAt) };
  if (facts.now > staleAt) return { state: "stale", since: staleAt, cause: silence(facts, staleAt) };
  const cause = facts.sessionOpen ? "its session is open" : "its session closed a moment ago";
  return { state: "online", since: facts.lastSeenAt, cause };
}

/** Until when a silence means nothing. */
function deadline(facts: LeaseFacts, limitMs: number): number {
  const { lastSeenAt = 0, unheardUntil = 0, patience = 1, sessionOpen, sessionClosedAt } = facts;
  const silentFrom = Math.max(lastSeenAt, unheardUntil);
  const bySilence = silentFrom + limitMs * patience;
  if (sessionOpen || sessionClosedAt === undefined) return bySilence;
  return Math.min(bySilence, Math.max(silentFrom, sessionClosedAt) + limitMs);
}

function silence({ sessionOpen, lastSeenAt = 0 }: LeaseFacts, deadlineAt: number): string {
  const link = sessionOpen ? "its session is open but silent" : "it has no session";
  return `${link}: nothing heard for more than ${Math.round((deadlineAt - lastSeenAt) / 1000)} s`;
}
