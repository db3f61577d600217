export { createAdmission } from "./admission.ts";
export {
  announceHost,
  hostApproved,
  hostChanged,
  hostPresenceChanged,
  hostQuarantined,
  hostRevoked,
} from "./changes.ts";
export type { ServerNames } from "./certificates/authority.ts";
export { openCertificates, type Certificates, type ServerCertificate } from "./certificates/certificates.ts";
export { createClones, makeCloneToken } from "./clones.ts";
export { createEnrollment, type Enrollment } from "./enrollment.ts";
export { hostsErrors } from "./errors.ts";
export { parseHostFilter, type HostFilter } from "./filter.ts";
export { enrollmentTokensHandlers, hostsHandlers } from "./handlers.ts";
export { createHostIdentities, type HostIdentities, type HostIdentity } from "./identities.ts";
export type { InstallTarget } from "./install-line.ts";
export { openInstallRelease } from "./install-release.ts";
export { installRoutes, scriptHash } from "./install-routes.ts";
export {
  boundedCapabilities,
  boundedFacts,
  cleanText,
  isClone,
  type AgentBuild,
  type HostAgentUpdate,
  type HostFacts,
  type HostPresence,
  type Labels,
} from "./model.ts";
export type {
  AuditTrail,
  HostDesired,
  HostFigures,
  HostHistory,
  HostLinks,
  HostTimeline,
  TimelineEntry,
  TimelineKind,
  TimelineQuery,
} from "./ports.ts";
export { createSavedViewsService } from "./saved-views.ts";
export { createHostsService, type HostsService } from "./service.ts";
export { findHosts, listHostSummaries, readSealingKey, type HostSummary } from "./store.ts";
export {
  countAgentVersions,
  readAgentHosts,
  readAgentUpdates,
  saveAgentUpdates,
  type AgentHost,
} from "./store-agents.ts";
export { saveHealth, type StoredHealth } from "./store-health.ts";
export { doubtMachines, noteArrivals, noteTries, readDecisions, type Sighting } from "./store-machines.ts";
export { forgetReplica, isReplicaKey, keepReplica, readSessionOwner } from "./store-replicas.ts";
export {
  type ClosedSession,
  closeHostSessions,
  movePresences,
  type HostSession,
  type OpenedSession,
  openHostSessions,
  quarantineHost,
  readBarredHosts,
  readOrphanedLeases,
  saveLastSeen,
  saveObservedFigures,
  type StoredLease,
} from "./store-sessions.ts";
export { createEnrollmentTokensService, type EnrollmentTokensService } from "./tokens-service.ts";
export { factsFromWire } from "./wire.ts";
export { readHostKeys } from "./store-keys.ts";
