import { eventType, type EventType } from "../platform/index.ts";

/** A profile was made, changed or deleted: hosts of the organization are told what they may do now. */
export const linkProfilesChanged: EventType<{ organizationId: string }> = eventType("links.changed");
