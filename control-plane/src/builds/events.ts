import { eventType, type EventType } from "../platform/index.ts";

/** A build changed its state or has more output: read what you watch. */
export const buildTold: EventType<{ organizationId: string; buildId: string }> = eventType("builds.told");
