import { eventType, type EventType } from "../platform/index.ts";

/** What a host must run changed, in the transaction that committed just now. */
export const desiredStateChanged: EventType<{ organizationId: string; hostId: string }> = eventType(
  "rollouts.desired-state-changed",
);

/** A rollout, or what its hosts do for it, changed: whoever watches it reads it again. */
export const rolloutTouched: EventType<{ organizationId: string; rolloutId: string }> = eventType("rollouts.touched");

/** A rollout was started: every replica's worker keeps an eye on it. */
export const rolloutOpened: EventType<{ organizationId: string; rolloutId: string }> = eventType("rollouts.opened");

/** A host said something that rollouts depend on and that is in no observed state: it refused a desired state. */
export const rolloutsHeard: EventType<{ organizationId: string; hostId: string }> = eventType("rollouts.heard");
