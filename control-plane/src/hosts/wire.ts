import { hostHealth, type Health as HealthWord } from "@windflow/core";
import type { HostReport } from "@windflow/proto/agent";
import {
  Health,
  Host_Presence,
  Host_Scheduling,
  type EnrollmentToken,
  type Host,
  type HostCounts,
  type HostGroup as HostGroupMessage,
  type MapHostsResponse,
  type SavedView as SavedViewMessage,
  type TimelineEntry as TimelineEntryMessage,
} from "@windflow/proto/api";
import type { FleetMap } from "./map-hosts.ts";
import type { HostFacts, HostPresence, HostScheduling } from "./model.ts";
import type { TimelineEntry } from "./ports.ts";
import { etagOf, type HostView } from "./service.ts";
import type { HostRow } from "./store.ts";
import type { SavedView } from "./store-views.ts";
import type { HostGroup } from "./summarize.ts";
import type { TokenRow } from "./store-tokens.ts";

const presenceToWire: Record<HostPresence, Host_Presence> = {
  "never-seen": Host_Presence.PRESENCE_NEVER_SEEN,
  online: Host_Presence.PRESENCE_ONLINE,
  stale: Host_Presence.PRESENCE_STALE,
  offline: Host_Presence.PRESENCE_OFFLINE,
  quarantined: Host_Presence.PRESENCE_QUARANTINED,
  revoked: Host_Presence.PRESENCE_REVOKED,
};

const schedulingToWire: Record<HostScheduling, Host_Scheduling> = {
  open: Host_Scheduling.SCHEDULING_OPEN,
  cordoned: Host_Scheduling.SCHEDULING_CORDONED,
  draining: Host_Scheduling.SCHEDULING_DRAINING,
};

const healthToWire: Record<HealthWord, Health> = {
  unknown: Health.HEALTH_UNKNOWN,
  ok: Health.HEALTH_OK,
  "in-progress": Health.HEALTH_IN_PROGRESS,
  failed: Health.HEALTH_FAILED,
  empty: Health.HEALTH_EMPTY,
};

/** What is known of a host in memory; the row's own figures and time are up to a minute old. */
export interface LiveFacts {
  figures: { cpuPercent: number; memoryPercent: number } | undefined;
  lastSeenAt: Date | undefined;
  now: Date;
}

export function hostToWire(view: HostView, { figures, lastSeenAt, now }: LiveFacts): Host {
  const { row, desired, link } = view;
  const { facts } = row;
  return {
    id: row.id,
    name: row.name,
    environmentId: row.environment_id,
    environmentName: row.environment_name,
    labels: { ...row.labels },
    presence: presenceToWire[row.presence],
    presenceSince: row.presence_since,
    presenceCause: row.presence_cause,
    lastSeenAt: lastSeenAt ?? row.last_seen_at ?? undefined,
    enrolledAt: row.enrolled_at,
    awaitingApproval: row.awaiting_approval,
    facts: {
      hostname: facts.hostname,
      os: facts.os,
      osVersion: facts.osVersion,
      kernel: facts.kernel,
      arch: facts.arch,
      cpuCount: facts.cpuCount,
      cpuModel: facts.cpuModel,
      memoryBytes: BigInt(facts.memoryBytes),
      diskBytes: BigInt(facts.diskBytes),
      engineName: facts.engineName,
      engineVersion: facts.engineVersion,
      engineApiVersion: facts.engineApiVersion,
      addresses: facts.addresses,
      bootedAt: facts.bootedAt === undefined ? undefined : new Date(facts.bootedAt),
      clockSkewSeconds: row.clock_skew_ms / 1000,
      hostShellAllowed: facts.hostShellAllowed,
    },
    capabilities: row.capabilities,
    agentVersion: row.agent_version,
    certificateExpiresAt: row.certificate_expires_at,
    desiredGeneration: desired?.generation ?? "",
    observedGeneration: row.observed_generation,
    containersRunning: row.containers_running,
    containersTotal: row.containers_total,
    cpuPercent: figures?.cpuPercent ?? row.cpu_percent,
    memoryPercent: figures?.memoryPercent ?? row.memory_percent,
    etag: etagOf(row),
    stacksTotal: desired?.stacksTotal ?? 0,
    scheduling: schedulingToWire[row.scheduling],
    ...healthOf(row, lastSeenAt ?? row.last_seen_at ?? undefined, now),
    stacksDrifted: row.stacks_drifted ?? 0,
    stacksHeld: row.stacks_held ?? 0,
    requestedLabels: { ...row.requested_labels },
    linkProfileId: link?.profileId ?? "",
    linkProfileName: link?.profileName ?? "",
    metered: link?.metered ?? false,
    agentUpdateVersion: row.agent_update?.version ?? "",
    agentUpdateCause: row.agent_update?.cause ?? "",
  };
}

function healthOf(row: HostRow, lastHeardAt: Date | undefined, now: Date): Pick<Host, "health" | "healthSummary"> {
  const reported = row.health === null ? {} : { reported: { health: row.health, summary: row.health_summary ?? "" } };
  const heard = lastHeardAt === undefined ? {} : { lastHeardAt: lastHeardAt.getTime() };
  const { health, summary } = hostHealth({ presence: row.presence, ...heard, ...reported, now: now.getTime() });
  return { health: healthToWire[health], healthSummary: summary };
}

export function groupToWire(group: HostGroup): HostGroupMessage {
  const { ok, failed, unknown, empty, "in-progress": inProgress } = group.health;
  const { value, hosts, drifted, summary, notReachedSince } = group;
  const presence = countsToWire(group.presence);
  return { value, hosts, presence, ok, inProgress, failed, unknown, empty, drifted, summary, notReachedSince };
}

export function mapToWire(map: FleetMap): MapHostsResponse {
  const values = [...new Set(map.hosts.map((host) => host.value))];
  const indexOf = new Map(values.map((value, index) => [value, index]));
  return {
    ids: map.hosts.map((host) => host.id),
    names: map.hosts.map((host) => host.name),
    healths: map.hosts.map((host) => healthToWire[host.health]),
    presences: map.hosts.map((host) => presenceToWire[host.presence]),
    drifted: map.hosts.map((host) => host.drifted),
    groups: map.hosts.map((host) => indexOf.get(host.value) ?? 0),
    values,
    total: map.total,
  };
}

export function entryToWire(entry: TimelineEntry): TimelineEntryMessage {
  return { ...entry, receivedAt: entry.receivedAt };
}

/** @param own whether it is the caller's */
export function viewToWire(view: SavedView, own: boolean): SavedViewMessage {
  const { id, name, list, filter, orderBy, groupBy, shared, createdBy } = view;
  return { id, name, list, filter, orderBy, groupBy, shared, createdBy, own };
}

export function countsToWire(counts: ReadonlyMap<HostPresence, number>): HostCounts {
  return {
    online: counts.get("online") ?? 0,
    stale: counts.get("stale") ?? 0,
    offline: counts.get("offline") ?? 0,
    neverSeen: counts.get("never-seen") ?? 0,
    quarantined: counts.get("quarantined") ?? 0,
    revoked: counts.get("revoked") ?? 0,
  };
}

export function tokenToWire(row: TokenRow): EnrollmentToken {
  return {
    id: row.id,
    name: row.name,
    prefix: row.shown_prefix,
    environmentId: row.environment_id,
    environmentName: row.environment_name,
    labels: { ...row.labels },
    maxUses: row.max_uses,
    uses: row.uses,
    needsApproval: row.needs_approval,
    hostLabelKeys: row.host_label_keys,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    revokedAt: row.revoked_at ?? undefined,
    createdBy: row.created_by,
  };
}

/** What a host says of itself; figures beyond what a number holds exactly are no disk or memory sizes of this world. */
export function factsFromWire(report: HostReport | undefined): HostFacts {
  return {
    hostname: report?.hostname ?? "",
    os: report?.os ?? "",
    osVersion: report?.osVersion ?? "",
    kernel: report?.kernel ?? "",
    arch: report?.arch ?? "",
    cpuCount: report?.cpuCount ?? 0,
    cpuModel: report?.cpuModel ?? "",
    memoryBytes: exact(report?.memoryBytes ?? 0n),
    diskBytes: exact(report?.diskBytes ?? 0n),
    // 0: an agent that does not measure it.
    ...(report === undefined || report.diskFreeBytes === 0n ? {} : { diskFreeBytes: exact(report.diskFreeBytes) }),
    addresses: report?.addresses ?? [],
    ...bootedAt(report?.bootedAt),
    engineName: report?.engineName ?? "",
    engineVersion: report?.engineVersion ?? "",
    engineApiVersion: report?.engineApiVersion ?? "",
    hostShellAllowed: report?.hostShellAllowed ?? false,
  };
}

function exact(value: bigint): number {
  return value > BigInt(Number.MAX_SAFE_INTEGER) ? 0 : Number(value);
}

function bootedAt(time: Date | undefined): { bootedAt?: string } {
  return time === undefined || Number.isNaN(time.getTime()) ? {} : { bootedAt: time.toISOString() };
}
