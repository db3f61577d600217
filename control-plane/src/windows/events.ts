import { eventType, type EventType } from "../platform/index.ts";

/** A window was made, changed or deleted: rollouts that wait for one look again. */
export const windowsChanged: EventType<{ organizationId: string }> = eventType("windows.changed");
