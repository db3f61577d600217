import { announce, type ChangeKind } from "../events/index.ts";
import { eventType, type EventType, type UnitOfWork } from "../platform/index.ts";
import type { HostPresence } from "./model.ts";

interface HostReference {
  organizationId: string;
  hostId: string;
}

/** Labels, name, approval or capabilities changed: placement looks again. */
export const hostChanged: EventType<HostReference> = eventType<HostReference>("hosts.changed");
/** The host's identity was taken away: its sessions and streams end at once. */
export const hostRevoked: EventType<HostReference> = eventType<HostReference>("hosts.revoked");
/** Two machines use the host's key: its sessions and streams end at once. */
export const hostQuarantined: EventType<HostReference> = eventType<HostReference>("hosts.quarantined");
/** A host that waited was let in: its session gets the desired state. */
export const hostApproved: EventType<HostReference> = eventType<HostReference>("hosts.approved");
export const hostPresenceChanged: EventType<HostReference & { presence: HostPresence; previous: HostPresence }> =
  eventType<HostReference & { presence: HostPresence; previous: HostPresence }>("hosts.presence-changed");

/** Tells watchers that a host's page has something new. */
export function announceHost(tx: UnitOfWork, host: HostReference, change: ChangeKind, at: Date): void {
  announce(tx, { organizationId: host.organizationId, kind: "host", id: host.hostId, change, at });
}
