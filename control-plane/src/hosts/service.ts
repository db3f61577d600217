import { recordEvent } from "../events/index.ts";
import {
  commonErrors,
  isUniqueViolation,
  ProblemError,
  type Caller,
  type Clock,
  type Database,
  type NewId,
  type UnitOfWork,
} from "../platform/index.ts";
import { announceHost, hostApproved, hostChanged, hostRevoked } from "./changes.ts";
import { hostsErrors } from "./errors.ts";
import type { HostFilter, HostOrder } from "./filter.ts";
import { mapHosts, type FleetMap } from "./map-hosts.ts";
import { cleanText, labelProblem, type HostPresence, type HostScheduling, type Labels } from "./model.ts";
import type {
  AuditTrail,
  HostDesired,
  HostHistory,
  HostLinks,
  HostTimeline,
  TimelineEntry,
  TimelineQuery,
} from "./ports.ts";
import { forgetMachines } from "./store-machines.ts";
import { readLabelKeys, summarizeHosts, type FleetSummary } from "./summarize.ts";
import { stillRequested } from "./requested-labels.ts";
import {
  countByPresence,
  countHosts,
  lockHost,
  readHost,
  readHosts,
  type HostQuery,
  type HostRow,
  type LockedHost,
} from "./store.ts";
import {
  deleteHostRow,
  saveApproval,
  saveDescription,
  saveRelease,
  saveRevocation,
  saveScheduling,
} from "./store-changes.ts";

/** A host with what it is to run. */
export interface HostView {
  row: HostRow;
  desired: { generation: string; stacksTotal: number } | undefined;
  link: { profileId: string; profileName: string; metered: boolean } | undefined;
}

export interface HostPage {
  hosts: (HostView & { sortValue: string | number })[];
  total: number;
  counts: Map<HostPresence, number>;
}

export interface HostsService {
  list(
    caller: Caller,
    query: { filter: HostFilter; order: HostOrder; after: HostQuery["after"]; limit: number },
  ): Promise<HostPage>;
  get(caller: Caller, hostId: string): Promise<HostView>;
  map(caller: Caller, query: { filter: HostFilter; groupBy: string }): Promise<FleetMap>;
  summarize(caller: Caller, query: { filter: HostFilter; groupBy: string }): Promise<FleetSummary>;
  timeline(caller: Caller, query: TimelineQuery): Promise<TimelineEntry[]>;
  update(caller: Caller, hostId: string, change: { name: string; labels: Labels; etag: string }): Promise<HostView>;
  approve(caller: Caller, hostId: string): Promise<HostView>;
  /** Stacks follow it by rollouts of their own. */
  schedule(caller: Caller, hostId: string, wanted: { scheduling: HostScheduling; reason: string }): Promise<HostView>;
  revoke(caller: Caller, hostId: string, reason: string): Promise<HostView>;
  delete(caller: Caller, hostId: string): Promise<void>;
}

interface Parts {
  database: Database;
  clock: Clock;
  newId: NewId;
  audit: AuditTrail;
  desired: HostDesired;
  history: HostHistory | undefined;
  timeline: HostTimeline;
  links: HostLinks;
}

// A look at every label of every host is half of what a summary costs, and pages ask for one every few seconds.
const LABELS_REUSED_MS = 15_000;

export function createHostsService(parts: Parts): HostsService {
  const { database, clock, newId, audit } = parts;
  const labelKeys = new Map<string, { readonly keys: readonly string[]; readonly at: number }>();

  async function view(tx: UnitOfWork, caller: Caller, hostId: string): Promise<HostView> {
    const row = await readHost(tx, caller.organizationId, hostId);
    if (row === undefined) throw notFound(hostId);
    const desired = await parts.desired.desiredOf(tx, [hostId]);
    const links = await parts.links.linksOf(tx, [{ hostId, labels: row.labels }]);
    return { row, desired: desired.get(hostId), link: links.get(hostId) };
  }

  async function labelsOf(tx: UnitOfWork, organizationId: string): Promise<readonly string[]> {
    const now = clock.monotonicMs();
    const known = labelKeys.get(organizationId);
    if (known !== undefined && now - known.at < LABELS_REUSED_MS) return known.keys;
    const keys = await readLabelKeys(tx, organizationId);
    labelKeys.set(organizationId, { keys, at: now });
    return keys;
  }

  /** The frame of every change: lock, change, audit, tell; answers the host as it is afterwards. */
  async function change(
    caller: Caller,
    hostId: string,
    action: string,
    work: (
      tx: UnitOfWork,
      host: LockedHost,
      now: Date,
    ) => Promise<{ detail: Record<string, unknown>; message: string } | undefined>,
  ): Promise<HostView> {
    const { organizationId } = caller;
    return database.inOrganization(caller, async (tx) => {
      const host = await lockHost(tx, organizationId, hostId);
      if (host === undefined) throw notFound(hostId);
      const now = clock.now();
      const done = await work(tx, host, now);
      if (done === undefined) return view(tx, caller, hostId);
      const event = { id: newId("evt"), organizationId, at: now, actor: caller.name, hostId };
      const type = action.replace("hosts.", "host.");
      await recordEvent(tx, { ...event, type, message: done.message, severity: "info" });
      tx.emit(hostChanged, { organizationId, hostId });
      announceHost(tx, { organizationId, hostId }, "updated", now);
      const changed = await view(tx, caller, hostId);
      const detail = { name: host.name, ...done.detail };
      await audit.record(tx, caller, { action, targetKind: "host", targetId: hostId, detail });
      return changed;
    });
  }

  return {
    list: (caller, query) =>
      database.inOrganization(
        caller,
        async (tx) => {
          const { organizationId } = caller;
          const rows = await readHosts(tx, { organizationId, ...query });
          const desired = await parts.desired.desiredOf(
            tx,
            rows.map((row) => row.id),
          );
          const links = await parts.links.linksOf(
            tx,
            rows.map((row) => ({ hostId: row.id, labels: row.labels })),
          );
          return {
            hosts: rows.map((row) => ({
              row,
              desired: desired.get(row.id),
              link: links.get(row.id),
              sortValue: row.sort_value,
            })),
            total: await countHosts(tx, organizationId, query.filter),
            counts: await countByPresence(tx, organizationId),
          };
        },
        { readOnly: true },
      ),
    map: (caller, { filter, groupBy }) =>
      database.inOrganization(
        caller,
        (tx) => mapHosts(tx, { organizationId: caller.organizationId, filter, groupBy }),
        {
          readOnly: true,
        },
      ),
    summarize: (caller, { filter, groupBy }) =>
      database.inOrganization(
        caller,
        async (tx) => {
          const { organizationId } = caller;
          const summary = await summarizeHosts(tx, { organizationId, filter, groupBy, now: clock.now() });
          return { ...summary, labels: await labelsOf(tx, organizationId) };
        },
        { readOnly: true },
      ),
    timeline: (caller, query) =>
      database.inOrganization(
        caller,
        async (tx) => {
          await view(tx, caller, query.hostId);
          return parts.timeline.entriesOf(tx, query);
        },
        { readOnly: true },
      ),
    get: (caller, hostId) => database.inOrganization(caller, (tx) => view(tx, caller, hostId), { readOnly: true }),
    update: (caller, hostId, wanted) =>
      nameTaken(
        change(caller, hostId, "hosts.update", async (tx, host) => {
          requireEtag(host, wanted.etag);
          requireLabels(wanted.labels);
          const name = cleanText(wanted.name).trim() || host.name;
          const requestedLabels = stillRequested(host.requested_labels, wanted.labels);
          const description = { name, labels: wanted.labels, requestedLabels };
          await saveDescription(tx, { organizationId: caller.organizationId, hostId }, description);
          const detail = { newName: name, labelsBefore: host.labels, labels: wanted.labels };
          return { detail, message: `${caller.name} changed the name or the labels of host ${name}.` };
        }),
      ),
    approve: (caller, hostId) =>
      change(caller, hostId, "hosts.approve", async (tx, host, now) => {
        if (host.revoked_at !== null) throw new ProblemError({ code: hostsErrors.WF_HOST_REVOKED });
        if (host.quarantined_at !== null) return release(tx, caller, host, now);
        if (!host.awaiting_approval) return undefined;
        const reference = { organizationId: caller.organizationId, hostId };
        await saveApproval(tx, reference, host.labels);
        tx.emit(hostApproved, reference);
        return {
          detail: { declinedLabels: host.requested_labels },
          message: `${caller.name} let host ${host.name} in.`,
        };
      }),
    schedule: (caller, hostId, { scheduling, reason }) =>
      change(caller, hostId, "hosts.schedule", async (tx, host) => {
        if (host.revoked_at !== null) throw new ProblemError({ code: hostsErrors.WF_HOST_REVOKED });
        if (host.scheduling === scheduling) return undefined;
        await saveScheduling(tx, { organizationId: caller.organizationId, hostId }, scheduling);
        const why = cleanText(reason).trim();
        const verb = { open: "opened", cordoned: "cordoned", draining: "began to drain" }[scheduling];
        const message = `${caller.name} ${verb} host ${host.name}${why === "" ? "" : `: ${why}`}.`;
        return { detail: { scheduling, before: host.scheduling, reason: why }, message };
      }),
    revoke: (caller, hostId, reason) =>
      change(caller, hostId, "hosts.revoke", async (tx, host, now) => {
        if (host.revoked_at !== null) return undefined;
        const reference = { organizationId: caller.organizationId, hostId };
        const why = cleanText(reason).trim();
        const cause = `${caller.name} revoked the host${why === "" ? "" : `: ${why}`}.`;
        await saveRevocation(tx, reference, { at: now, reason: why, cause });
        tx.emit(hostRevoked, reference);
        return { detail: { reason: why }, message: `${caller.name} revoked host ${host.name}. Its workloads go on.` };
      }),
    delete: async (caller, hostId) => {
      const { organizationId } = caller;
      await database.inOrganization(caller, async (tx) => {
        const host = await lockHost(tx, organizationId, hostId);
        if (host === undefined) throw notFound(hostId);
        if (host.revoked_at === null && host.last_seen_at !== null)
          throw new ProblemError({ code: hostsErrors.WF_HOST_IN_USE });
        const now = clock.now();
        await parts.history?.forget(tx, hostId);
        await deleteHostRow(tx, { organizationId, hostId });
        await audit.record(tx, caller, {
          action: "hosts.delete",
          targetKind: "host",
          targetId: hostId,
          detail: { name: host.name },
        });
        tx.emit(hostRevoked, { organizationId, hostId });
        tx.emit(hostChanged, { organizationId, hostId });
        announceHost(tx, { organizationId, hostId }, "deleted", now);
      });
    },
  };
}

async function release(
  tx: UnitOfWork,
  caller: Caller,
  host: LockedHost,
  at: Date,
): Promise<{ detail: Record<string, unknown>; message: string }> {
  const cause = `${caller.name} ended its quarantine; its agent has not come back yet.`;
  await saveRelease(tx, { organizationId: caller.organizationId, hostId: host.id }, { at, cause });
  await forgetMachines(tx, host.id);
  return {
    detail: { quarantine: host.quarantine_reason },
    message: `${caller.name} ended the quarantine of host ${host.name}.`,
  };
}

export function etagOf(host: { version: bigint }): string {
  return `v${host.version}`;
}

function requireEtag(host: { version: bigint }, etag: string): void {
  if (etag === "" || etag === etagOf(host)) return;
  throw new ProblemError({
    code: commonErrors.WF_ETAG_MISMATCH,
    detail: `The host is at ${etagOf(host)}, you read ${etag}.`,
  });
}

/** Throws WF_LABEL_INVALID with the place. */
export function requireLabels(labels: Labels): void {
  const problem = labelProblem(labels);
  if (problem === undefined) return;
  throw new ProblemError({
    code: hostsErrors.WF_LABEL_INVALID,
    detail: `${problem.path}: ${problem.message}.`,
    violations: [problem],
  });
}

function notFound(hostId: string): ProblemError {
  return new ProblemError({
    code: commonErrors.WF_NOT_FOUND,
    detail: `There is no host ${hostId} in this organization.`,
  });
}

async function nameTaken<Result>(work: Promise<Result>): Promise<Result> {
  try {
    return await work;
  } catch (cause) {
    if (!isUniqueViolation(cause, "hosts_name")) throw cause;
    const detail = "Another host of the organization has this name.";
    throw new ProblemError({
      code: commonErrors.WF_ALREADY_EXISTS,
      detail,
      violations: [{ path: "name", message: detail }],
      cause,
    });
  }
}
