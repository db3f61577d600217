import type { Caller, UnitOfWork } from "../platform/index.ts";

/** The audit trail, as far as hosts write to it. */
export interface AuditTrail {
  record(
    tx: UnitOfWork,
    caller: Caller,
    entry: { action: string; targetKind: string; targetId: string; detail: Record<string, unknown> },
  ): Promise<void>;
}

/** The last figures of a host, from memory. */
export interface HostFigures {
  figuresOf(hostId: string): { cpuPercent: number; memoryPercent: number } | undefined;
}

/** What hosts are to run, for lists. */
export interface HostDesired {
  desiredOf(
    tx: UnitOfWork,
    hostIds: readonly string[],
  ): Promise<Map<string, { generation: string; stacksTotal: number }>>;
}

/** The link profiles that hosts follow, for lists. A host that is missing follows none. */
export interface HostLinks {
  linksOf(
    tx: UnitOfWork,
    hosts: readonly { hostId: string; labels: Readonly<Record<string, string>> }[],
  ): Promise<Map<string, { profileId: string; profileName: string; metered: boolean }>>;
}

/** What other domains keep of a host; forgotten with it, in the same transaction. */
export interface HostHistory {
  forget(tx: UnitOfWork, hostId: string): Promise<void>;
  /** A clone has become a host of its own: what it runs is wanted of it from the first moment. */
  inherit(
    tx: UnitOfWork,
    clone: {
      readonly organizationId: string;
      readonly fromHostId: string;
      readonly hostId: string;
      readonly now: Date;
    },
  ): Promise<void>;
}

/** Kinds of entries that a host's timeline is filtered by. */
export const TIMELINE_KINDS = ["session", "rollout", "drift", "container", "host", "person"] as const;
export type TimelineKind = (typeof TIMELINE_KINDS)[number];

/** Something that happened on a host, to it, or about it. */
export interface TimelineEntry {
  readonly id: string;
  /** In our time. */
  readonly at: Date;
  /** When we learned of it, if that was later. */
  readonly receivedAt?: Date;
  readonly kind: TimelineKind;
  /** e.g. "container.die". */
  readonly type: string;
  readonly message: string;
  readonly severity: "info" | "warning" | "error";
  readonly actor: string;
  readonly stackId: string;
  readonly stackName: string;
  readonly containerId: string;
  readonly rolloutId: string;
}

export interface TimelineQuery {
  readonly hostId: string;
  /** Empty: all. */
  readonly kinds: readonly TimelineKind[];
  readonly before?: { readonly at: Date; readonly id: string };
  readonly limit: number;
}

/** What other domains know of what happened on a host; newest first. */
export interface HostTimeline {
  entriesOf(tx: UnitOfWork, query: TimelineQuery): Promise<TimelineEntry[]>;
}
