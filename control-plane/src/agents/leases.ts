import { hostPresence, METERED_PATIENCE, STALE_AFTER_MS } from "@windflow/core";
import { setImmediate as nextTurn } from "node:timers/promises";
import { recordEvents, type IdentifiedEvent, type Severity } from "../events/index.ts";
import {
  announceHost,
  hostPresenceChanged,
  movePresences,
  readOrphanedLeases,
  saveLastSeen,
  type HostFigures,
  type HostPresence,
  type StoredLease,
} from "../hosts/index.ts";
import type { LinkBook } from "../links/index.ts";
import { field, type Clock, type Database, type Log, type NewId, type UnitOfWork } from "../platform/index.ts";
import type { HostReference } from "./ports.ts";
import type { Membership } from "./replicas/membership.ts";

/**
 * Judges by silence whether hosts are online, stale or offline. Lives in memory: a heartbeat writes nothing. What changed
 * is written at once, when hosts were last seen once a minute.
 */
export interface Leases {
  /** A session was opened and the host is stored as online. */
  opened(host: HostReference & { enrolledAt: Date; metered: boolean }): void;
  /** How often the host speaks by itself has changed. A shorter silence counts from its next word on. */
  setMetered(hostId: string, metered: boolean): void;
  /** Something came from the host. `clockSkewMs`: how far its clock is ahead, as far as that is known there. */
  heard(hostId: string, clockSkewMs?: number): void;
  closed(hostId: string, cause: string): void;
  /** Revoked, quarantined or deleted: its presence follows its lease no more. */
  forget(hostId: string): void;
  lastSeenAt(hostId: string): Date | undefined;
  /** Hosts that are here, or were a moment ago. */
  readonly size: number;
  /** Takes over the hosts that no control plane has a session with, and begins to judge. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

interface Lease extends HostReference {
  enrolledAtMs: number;
  lastSeenMs: number;
  sessionOpen: boolean;
  /** When the end of its session was seen; undefined while one is open, and after a control plane that fell. */
  closedAtMs: number | undefined;
  /** No control plane was there that could have heard it before; 0 for one that had a session here. */
  unheardUntilMs: number;
  /** It speaks so rarely that its silence means less. */
  metered: boolean;
  meteredNext: boolean;
  endCause: string | undefined;
  presence: HostPresence;
  clockSkewMs: number | undefined;
  /** lastSeenMs is not stored yet. */
  dirty: boolean;
}

interface Parts {
  database: Database;
  clock: Clock;
  log: Log;
  newId: NewId;
  membership: Membership;
  figures: HostFigures;
  links: LinkBook;
  /** A session is open, but nothing came for so long that its host counts as offline: the link is dead. */
  onDeadLink: (hostId: string) => void;
}

// Fine enough that "stale for more than 45 s" is true to a few seconds.
const JUDGE_EVERY_MS = 5_000;
const SAVE_EVERY_MS = 60_000;
const ADOPT_EVERY_MS = 10_000;
// One transaction for a rack that lost its switch, not one for ten thousand hosts.
const CHANGES_PER_TRANSACTION = 200;
const SAVED_AT_ONCE = 500;
// Figures are read from what hosts sent last, which takes some tens of microseconds: after so many others may run.
const READ_AT_ONCE = 20;

export function createLeases(parts: Parts): Leases {
  const { database, clock, log, newId, figures, membership } = parts;
  const leases = new Map<string, Lease>();
  const stopping = new AbortController();
  let loop: Promise<void> = Promise.resolve();
  let savedAtMs = clock.monotonicMs();
  let adoptedAtMs = clock.monotonicMs();

  const nowMs = (): number => clock.now().getTime();

  function judge(
    lease: Lease,
    now: number,
  ): { lease: Lease; to: HostPresence; since: number; cause: string } | undefined {
    // Most of ten thousand, and each time: no other fact makes such a host anything but online.
    if (lease.presence === "online" && now - lease.lastSeenMs <= STALE_AFTER_MS) return undefined;
    const verdict = hostPresence({
      enrolledAt: lease.enrolledAtMs,
      lastSeenAt: lease.lastSeenMs,
      unheardUntil: lease.unheardUntilMs,
      sessionOpen: lease.sessionOpen,
      ...(lease.closedAtMs === undefined ? {} : { sessionClosedAt: lease.closedAtMs }),
      patience: lease.metered ? METERED_PATIENCE : 1,
      now,
    });
    if (verdict.state === lease.presence) return undefined;
    const ended = !lease.sessionOpen && lease.endCause ? ` (${lease.endCause})` : "";
    const since = verdict.state === "online" ? now : verdict.since;
    return { lease, to: verdict.state, since, cause: `${verdict.cause}${ended}` };
  }

  async function judgeAll(): Promise<void> {
    const now = nowMs();
    const changes = [...leases.values()].flatMap((lease) => judge(lease, now) ?? []);
    for (let start = 0; start < changes.length; start += CHANGES_PER_TRANSACTION) {
      await write(changes.slice(start, start + CHANGES_PER_TRANSACTION));
    }
    // Nobody speaks for an offline host without a session: its next session starts afresh.
    for (const lease of leases.values())
      if (lease.presence === "offline" && !lease.sessionOpen) leases.delete(lease.hostId);
  }

  async function write(changes: NonNullable<ReturnType<typeof judge>>[]): Promise<void> {
    await database.asSystem(async (tx) => {
      const moves = changes.map(({ lease, to, since, cause }) => {
        const { organizationId, hostId, presence: from, lastSeenMs } = lease;
        return { organizationId, hostId, from, to, since: new Date(since), cause, lastSeenAt: new Date(lastSeenMs) };
      });
      const names = await movePresences(tx, moves);
      const at = clock.now();
      const moved = moves.filter(({ hostId }) => names.has(hostId));
      const events = moved.map(({ organizationId, hostId, to, cause }): IdentifiedEvent => {
        const message = `Host ${names.get(hostId)} is ${to}: ${cause}.`;
        const what = { type: `host.${to}`, message, severity: severities[to], actor: "system" };
        return { id: newId("evt"), organizationId, hostId, at, ...what };
      });
      await recordEvents(tx, events);
      for (const { organizationId, hostId, to, from } of moved) {
        tx.emit(hostPresenceChanged, { organizationId, hostId, presence: to, previous: from });
        announceHost(tx, { organizationId, hostId }, "updated", at);
      }
    });
    for (const { lease, to } of changes) {
      lease.presence = to;
      // Not for a host that came back while this was written: its new session lives.
      const current = leases.get(lease.hostId) === lease;
      if (to === "offline" && lease.sessionOpen && current) parts.onDeadLink(lease.hostId);
      log.info({ [field.hostId]: lease.hostId, [field.status]: to }, "A host's presence changed.");
    }
  }

  async function save(): Promise<void> {
    const dirty = [...leases.values()].filter((lease) => lease.dirty);
    savedAtMs = clock.monotonicMs();
    for (let from = 0; from < dirty.length; from += SAVED_AT_ONCE) {
      const group = dirty.slice(from, from + SAVED_AT_ONCE);
      for (const lease of group) lease.dirty = false;
      const seen: Parameters<typeof saveLastSeen>[1][number][] = [];
      for (const [index, lease] of group.entries()) {
        if (index % READ_AT_ONCE === READ_AT_ONCE - 1) await nextTurn();
        const { cpuPercent = 0, memoryPercent = 0 } = figures.figuresOf(lease.hostId) ?? {};
        const { hostId, clockSkewMs } = lease;
        seen.push({ hostId, at: new Date(lease.lastSeenMs), cpuPercent, memoryPercent, clockSkewMs });
      }
      await database.asSystem((tx) => saveLastSeen(tx, seen));
    }
  }

  /** Says that this control plane is there, and takes over the leases of those that are not any more. */
  async function adopt(isFirst: boolean): Promise<void> {
    adoptedAtMs = clock.monotonicMs();
    const now = clock.now();
    await membership.keep();
    const orphaned = await database.asSystem(
      async (tx) => withLinks(tx, await readOrphanedLeases(tx, membership.aliveSince())),
      { readOnly: true },
    );
    for (const { stored, metered } of orphaned) {
      const { organizationId, hostId, presence, enrolledAt, lastSeenAt, sessionEndCause } = stored;
      if (leases.has(hostId)) continue;
      // A clock that was set back must not make a host seen in the future.
      const lastSeenMs = Math.min((lastSeenAt ?? enrolledAt).getTime(), now.getTime());
      const endCause = sessionEndCause ?? "the control plane that it was connected to is gone";
      const held = { organizationId, hostId, presence, enrolledAtMs: enrolledAt.getTime(), lastSeenMs };
      const closedAtMs = stored.sessionClosedAt?.getTime();
      // When this one began nobody was there for all of them; later only for those of a control plane that fell, which may have
      // heard them until then: that is stored once a minute.
      const isUnheard = presence === "online" && (isFirst || closedAtMs === undefined);
      const unheardUntilMs = isUnheard ? now.getTime() : 0;
      const link = { metered, meteredNext: metered, closedAtMs, unheardUntilMs };
      leases.set(hostId, { ...held, ...link, endCause, sessionOpen: false, clockSkewMs: undefined, dirty: false });
    }
  }

  async function withLinks(
    tx: UnitOfWork,
    orphaned: readonly StoredLease[],
  ): Promise<{ stored: StoredLease; metered: boolean }[]> {
    const found: { stored: StoredLease; metered: boolean }[] = [];
    for (const [organizationId, hosts] of Map.groupBy(orphaned, (stored) => stored.organizationId)) {
      const settings = await parts.links.settingsFor(tx, organizationId, hosts);
      for (const [index, stored] of hosts.entries()) found.push({ stored, metered: settings[index]?.metered === true });
    }
    return found;
  }

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      await clock.sleep(JUDGE_EVERY_MS, stopping.signal).catch(() => undefined);
      try {
        if (stopping.signal.aborted) return await leave();
        if (clock.monotonicMs() - adoptedAtMs >= ADOPT_EVERY_MS) await adopt(false);
        await judgeAll();
        if (clock.monotonicMs() - savedAtMs >= SAVE_EVERY_MS) await save();
      } catch (error) {
        log.warn(
          { err: error, [field.area]: "leases" },
          "The presence of hosts could not be written; it is tried again.",
        );
      }
    }
  }

  async function leave(): Promise<void> {
    await save();
    await membership.leave();
  }

  return {
    opened: (host) => {
      const { organizationId, hostId } = host;
      const enrolledAtMs = host.enrolledAt.getTime();
      const fresh = {
        lastSeenMs: nowMs(),
        sessionOpen: true,
        closedAtMs: undefined,
        unheardUntilMs: 0,
        metered: host.metered,
        meteredNext: host.metered,
        endCause: undefined,
        clockSkewMs: undefined,
        presence: "online" as const,
        dirty: false,
      };
      leases.set(hostId, { organizationId, hostId, enrolledAtMs, ...fresh });
    },
    heard: (hostId, clockSkewMs) => {
      const lease = leases.get(hostId);
      if (lease === undefined) return;
      lease.lastSeenMs = nowMs();
      lease.metered = lease.meteredNext;
      lease.clockSkewMs = clockSkewMs ?? lease.clockSkewMs;
      lease.dirty = true;
    },
    closed: (hostId, cause) => {
      const lease = leases.get(hostId);
      if (lease === undefined) return;
      lease.sessionOpen = false;
      lease.closedAtMs = nowMs();
      lease.endCause = cause;
    },
    setMetered: (hostId, metered) => {
      const lease = leases.get(hostId);
      if (lease === undefined) return;
      lease.meteredNext = metered;
      lease.metered ||= metered;
    },
    forget: (hostId) => {
      leases.delete(hostId);
    },
    lastSeenAt: (hostId) => {
      const lease = leases.get(hostId);
      return lease && new Date(lease.lastSeenMs);
    },
    get size() {
      return leases.size;
    },
    start: async () => {
      await adopt(true);
      loop = run();
    },
    stop: async () => {
      stopping.abort();
      await loop;
    },
  };
}

const severities: Record<HostPresence, Severity> = {
  online: "info",
  stale: "warning",
  offline: "error",
  "never-seen": "info",
  quarantined: "warning",
  revoked: "warning",
};
