import { eventType, type EventType, type UnitOfWork } from "../platform/index.ts";

/** What hosts must run, or how, changed in the transaction that committed just now. */
export interface DesiredStateChange {
  readonly organizationId: string;
  readonly hostIds: readonly string[];
  /** The hosts run the same revisions as before: only how they treat them changed. */
  readonly sameRevisions: boolean;
}
export const desiredStateChanged: EventType<DesiredStateChange> = eventType("rollouts.desired-states-changed");

// As many ids as one notification of the database holds, with some room.
const HOSTS_PER_EVENT = 100;

/** Tells the sessions of the hosts, on whichever replica. */
export function emitDesiredStates(tx: UnitOfWork, { hostIds, ...change }: DesiredStateChange): void {
  for (let start = 0; start < hostIds.length; start += HOSTS_PER_EVENT)
    tx.emit(desiredStateChanged, { ...change, hostIds: hostIds.slice(start, start + HOSTS_PER_EVENT) });
}

/** A rollout, or what its hosts do for it, changed: whoever watches it reads it again. */
export const rolloutTouched: EventType<{ organizationId: string; rolloutId: string }> = eventType("rollouts.touched");

/** A rollout was started: every replica's worker keeps an eye on it. */
export const rolloutOpened: EventType<{ organizationId: string; rolloutId: string }> = eventType("rollouts.opened");

/** A host said something that rollouts depend on and that is in no observed state: it refused a desired state. */
export const rolloutsHeard: EventType<{ organizationId: string; hostId: string }> = eventType("rollouts.heard");
