import { eventType, type EventType } from "../platform/index.ts";

/** A host's observed state was stored: read what you keep an eye on. */
export const hostObserved: EventType<{ organizationId: string; hostId: string }> =
  eventType("containers.host-observed");
