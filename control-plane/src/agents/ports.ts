import type {
  AgentUpdateStatus,
  DesiredAgent,
  DesiredStack,
  FetchImageRequest,
  FetchImageResponse,
  LinkReport,
  ObservedState,
  Progress,
  RegistryAuth,
  SecretValue,
  SpoolEntry,
} from "@windflow/proto/agent";
import type { UnitOfWork } from "../platform/index.ts";
import type { DesiredGeneration } from "./wire.ts";

export interface HostReference {
  organizationId: string;
  hostId: string;
}

export interface DesiredStateOfHost {
  generation: DesiredGeneration;
  /** Complete: absence is removal. */
  stacks: DesiredStack[];
}

/** What hosts are to run. Each call is inside a unit of work of the host's organization. */
export interface DesiredStatePort {
  /** In the order of the hosts. */
  desiredStatesFor(tx: UnitOfWork, hostIds: readonly string[]): Promise<DesiredStateOfHost[]>;
  /** In their order; undefined unless the host's desired state names the digest. */
  bodiesFor(tx: UnitOfWork, wanted: readonly WantedBody[]): Promise<(Uint8Array | undefined)[]>;
  /** Undefined unless this host's desired state names the revision; empty when it uses no secrets. */
  secretsFor(tx: UnitOfWork, hostId: string, stackId: string, revision: number): Promise<SecretValue[] | undefined>;
  /** Undefined unless this host's desired state, or the build that it was asked for, names the digest. */
  fileFor(tx: UnitOfWork, hostId: string, wanted: WantedFile): Promise<FileToSend | undefined>;
  /** Of the registries that images of this host's desired state, or of the build, come from: those with credentials. */
  registryAuthFor(
    tx: UnitOfWork,
    hostId: string,
    wanted: { registries: readonly string[]; buildId: string },
  ): Promise<RegistryAuth[]>;
  /** An image that this host's desired state names, from the control plane. Not inside a unit of work. */
  imageFor(host: HostReference & { keySha256: Uint8Array }, request: FetchImageRequest): Promise<FetchImageResponse>;
  /** What tickets for layers are signed with, by which hosts of a site believe one another: Ed25519, 32 bytes. */
  ticketKey(organizationId: string): Uint8Array;
}

export interface WantedBody {
  hostId: string;
  digest: string;
}

export interface WantedFile {
  digest: string;
  /** Empty: the desired state has to name it. */
  buildId: string;
}

/** A stored file that a host may have. */
export interface FileToSend {
  sizeBytes: number;
  /** In pieces of at most 64 kB; each piece is a unit of work of its own. */
  readFrom(offset: number): AsyncIterable<Uint8Array>;
}

export interface ObservedReport extends HostReference {
  /** When the host looked, in our time. */
  at: Date;
  receivedAt: Date;
  /** Milliseconds that the host's clock is ahead: times in `state` are the host's own. */
  clockSkewMs: number;
  state: ObservedState;
  /** False when the host repeats what is stored already. */
  changed: boolean;
}
/**
 * In the transaction that stores the reports, which are of one organization and each of another host. Throwing undoes it:
 * each is tried alone then, and the agent whose report is at fault is told so.
 */
export type ObservedHandler = (tx: UnitOfWork, reports: readonly ObservedReport[]) => Promise<void>;

/** In the transaction that opens sessions: the hosts have what they last reported, and report nothing again. */
export type ConfirmedHandler = (
  tx: UnitOfWork,
  confirmed: { organizationId: string; hostIds: readonly string[]; at: Date },
) => Promise<void>;

/** Entries that were not stored before, in order of sequence. */
export interface NewEntries extends HostReference {
  spoolId: string;
  entries: SpoolEntry[];
  /** Milliseconds that the host's clock is ahead: times of entries are the host's own. */
  clockSkewMs: number;
}
/** Stores its kind of entries. All sinks share one transaction; the agents are told after its commit. */
export interface SpoolSink {
  name: string;
  /** @param batches of one organization, that of the unit of work: what many hosts sent is stored at once */
  store(tx: UnitOfWork, batches: readonly NewEntries[]): Promise<void>;
}

export type ProgressHandler = (report: HostReference & { at: Date; progress: Progress }) => void;

/** Bytes that a host's connection has carried, by class; in memory, since it comes often. */
export type LinkReportHandler = (host: HostReference & { at: Date }, report: LinkReport) => void;

export interface DesiredReply extends HostReference {
  generation: DesiredGeneration;
  /** Why the host did not take it. */
  refused?: string;
  code?: string;
}
export type DesiredReplyHandler = (reply: DesiredReply) => Promise<void>;

/** What an agent is to become. `updateId` names the attempt. */
export type WantedAgent = DesiredAgent;

/** Updates of agents, for the sessions with them. */
export interface AgentReleases {
  /** In the order of the hosts; undefined: nothing is wanted of its agent. In a unit of work of their organization. */
  wantedOf(tx: UnitOfWork, hostIds: readonly string[]): Promise<(WantedAgent | undefined)[]>;
  /** A file of the release that the host is told to become, from an offset on; undefined when it is told no such thing. */
  open(
    tx: UnitOfWork,
    reader: { readonly organizationId: string; readonly hostId: string; readonly signal: AbortSignal },
    wanted: { readonly releaseId: string; readonly name: string; readonly offset: number },
  ): Promise<AsyncIterable<Uint8Array> | undefined>;
}

/** What an agent says of its update: in a frame, or by its Hello, which may also say nothing of it. */
export interface AgentUpdateReport extends HostReference {
  readonly status: AgentUpdateStatus | undefined;
  /** What runs there now; absent in a frame. */
  readonly hello?: { readonly updateId: string; readonly version: string; readonly commit: string };
}
export type AgentUpdateHandler = (report: AgentUpdateReport) => Promise<void>;

/** Where other domains say what they want to hear of. Before the doors are opened. */
export interface AgentHooks {
  onObserved(handler: ObservedHandler): void;
  onConfirmed(handler: ConfirmedHandler): void;
  onSpool(sink: SpoolSink): void;
  onProgress(handler: ProgressHandler): void;
  onDesiredStateReply(handler: DesiredReplyHandler): void;
  onLinkReport(handler: LinkReportHandler): void;
  onAgentUpdate(handler: AgentUpdateHandler): void;
}

export interface RegisteredHooks extends AgentHooks {
  readonly observed: readonly ObservedHandler[];
  readonly confirmed: readonly ConfirmedHandler[];
  readonly sinks: readonly SpoolSink[];
  readonly progress: readonly ProgressHandler[];
  readonly desiredReplies: readonly DesiredReplyHandler[];
  readonly linkReports: readonly LinkReportHandler[];
  readonly agentUpdates: readonly AgentUpdateHandler[];
}

export function createHooks(): RegisteredHooks {
  const observed: ObservedHandler[] = [];
  const confirmed: ConfirmedHandler[] = [];
  const sinks: SpoolSink[] = [];
  const progress: ProgressHandler[] = [];
  const desiredReplies: DesiredReplyHandler[] = [];
  const linkReports: LinkReportHandler[] = [];
  const agentUpdates: AgentUpdateHandler[] = [];
  return {
    observed,
    confirmed,
    sinks,
    progress,
    desiredReplies,
    linkReports,
    agentUpdates,
    onObserved: (handler) => void observed.push(handler),
    onConfirmed: (handler) => void confirmed.push(handler),
    onSpool: (sink) => void sinks.push(sink),
    onProgress: (handler) => void progress.push(handler),
    onDesiredStateReply: (handler) => void desiredReplies.push(handler),
    onLinkReport: (handler) => void linkReports.push(handler),
    onAgentUpdate: (handler) => void agentUpdates.push(handler),
  };
}
