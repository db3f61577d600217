import { eventType, type EventType } from "../platform/index.ts";

/** Somebody said anew where a stack belongs. */
export const stackPlacementChanged: EventType<{ organizationId: string; stackId: string }> =
  eventType("stacks.placement-changed");
