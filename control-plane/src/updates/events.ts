import { eventType, type EventType } from "../platform/index.ts";

/** What a host's agent is to become changed, in the transaction that committed just now. */
export const wantedAgentChanged: EventType<{ organizationId: string; hostId: string }> =
  eventType("updates.wanted-agent-changed");
/** An update was begun, or a person acted on it: every replica's worker keeps an eye on it. */
export const updateOpened: EventType<{ organizationId: string; updateId: string }> = eventType("updates.opened");
/** Something of an update changed: whoever watches it reads it again. */
export const updateTouched: EventType<{ organizationId: string; updateId: string }> = eventType("updates.touched");
/** An agent said something that updates depend on. */
export const agentHeard: EventType<{ organizationId: string; hostId: string }> = eventType("updates.heard");
