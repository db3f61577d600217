import type { ComposeModel } from "@windflow/core";
import type { PlanReply, ResolvedImage } from "@windflow/proto/agent";
import type { StackStatus } from "@windflow/proto/api";
import type { TravellingFile } from "../files/index.ts";
import type { PlacementPlan } from "../placement/index.ts";
import type { Caller, UnitOfWork } from "../platform/index.ts";
import type { Stack, StoredProblem } from "./model.ts";

export interface RenderInput {
  readonly files: Readonly<Record<string, string>>;
  /** In merge order; empty finds the usual names. */
  readonly composeFiles: readonly string[];
  readonly variables: Readonly<Record<string, string>>;
  readonly profiles: readonly string[];
  /** Empty takes `name:` of the files. */
  readonly projectName: string;
  readonly workingDirectory: string;
  /** The working directory is a folder of the hosts: what is not in the source may be there. */
  readonly hostFolder?: boolean;
  readonly attachments?: {
    readonly files: readonly AttachedFile[];
    /** The content of a small one; undefined when it is not stored. */
    read(digest: string): Promise<Uint8Array | undefined>;
  };
}

/** A file of the source that is not given as text. */
export interface AttachedFile extends Pick<TravellingFile, "kind" | "digest" | "sizeBytes" | "linkTarget"> {
  /** Relative to the working directory. */
  readonly path: string;
}

export interface RenderOutput {
  /** Absent when a problem is an error. */
  readonly model?: ComposeModel;
  readonly problems: readonly StoredProblem[];
  /** Paths of the attachments that were read as text: compose files, env files, short configs. */
  readonly textsRead: readonly string[];
}

/** Compose files in, normalised model out. */
export interface ComposeRenderer {
  /** As `docker compose config` prints it. */
  render(input: RenderInput): Promise<RenderOutput>;
  /** As hosts need it: with the texts of configs and secrets, and with an error for what no host can honour. */
  renderForHosts(input: RenderInput): Promise<RenderOutput>;
}

/** A source on its way to become a revision of a stack. */
export interface ImagesWanted {
  readonly stack: Stack;
  /** As hosts get it: the context of a build is an absolute path below the stack's folder, if it is a folder. */
  readonly model: ComposeModel;
  /** Everything that the source has, by path. */
  readonly files: readonly TravellingFile[];
}

/** What was built of a source's services before. Called outside of a unit of work. */
export interface BuiltImages {
  /** The images of the services with `build`, and the services whose build is missing, each with why and what to do. */
  builtFor(
    caller: Caller,
    wanted: ImagesWanted,
  ): Promise<{
    readonly images: readonly ResolvedImage[];
    readonly missing: readonly { readonly service: string; readonly why: string }[];
  }>;
}

export interface ImageReference {
  readonly reference: string;
  /** e.g. "linux/amd64"; empty: that of each host. */
  readonly platform: string;
  /** The registry is asked although a host has an image of that name (pull_policy: always). */
  readonly askRegistry: boolean;
  /** The services that name it, for messages. */
  readonly services: readonly string[];
}

/** Asks a connected host what tags stand for. Called outside of a unit of work. */
export interface ImageResolver {
  /** In bounded time, and never throws for a host or a registry that does not answer: that is `unresolved`. */
  resolve(
    caller: Caller,
    wanted: {
      readonly stack: Stack;
      readonly hasSecrets: boolean;
      readonly images: readonly ImageReference[];
      readonly signal: AbortSignal | undefined;
    },
  ): Promise<{
    readonly images: readonly ResolvedImage[];
    /** Becomes warnings WF_IMAGE_UNRESOLVED; each host resolves by itself then. */
    readonly unresolved: readonly { readonly reference: string; readonly why: string }[];
  }>;
}

/** What higher domains know of stacks, for their API messages. */
export interface StackStanding {
  /**
   * @param detail whether every host is listed, or the counts only
   * @param onlyHostId as if there were no other host
   */
  statusOf(
    tx: UnitOfWork,
    stackIds: readonly string[],
    detail: "hosts" | "counts",
    onlyHostId?: string,
  ): Promise<Map<string, StackStatus>>;
  /** Stacks that the host runs or must run. */
  stacksOn(tx: UnitOfWork, hostId: string): Promise<string[]>;
  /** Stack → hosts on which something differs that nobody asked for. */
  hostsDrifted(tx: UnitOfWork, stackIds: readonly string[]): Promise<Map<string, number>>;
  /** Stack → its rollout under way. */
  activeRollouts(tx: UnitOfWork, stackIds: readonly string[]): Promise<Map<string, string>>;
  /** Image reference → the id that hosts pinned it to for this revision; one that they disagree on is left out. */
  imageDigests(tx: UnitOfWork, stackId: string, revision: number): Promise<Record<string, string>>;
  /** Stack → what its placement is short of; a stack that lacks nothing is left out. */
  placementShorts(tx: UnitOfWork, stackIds: readonly string[]): Promise<Map<string, string>>;
  /** Where a rollout of the revision (0: the latest) would bring the stack now. */
  placementOf(tx: UnitOfWork, stack: Stack, revision: number): Promise<PlacementPlan>;
}

/** Tells the hosts of a stack that its policy changed. */
export interface PolicyCarrier {
  carryPolicy(tx: UnitOfWork, stack: Pick<Stack, "id" | "organizationId">): Promise<void>;
}

/** Takes a stack off its hosts; undefined when it is on none. */
export interface StackRemover {
  remove(tx: UnitOfWork, caller: Caller, stack: Stack): Promise<string | undefined>;
}

export interface AuditTrail {
  record(
    tx: UnitOfWork,
    caller: Caller,
    act: { action: string; targetKind: string; targetId: string; detail: Record<string, unknown> },
  ): Promise<void>;
}

/** A host that a plan is made for. */
export interface PlannedHost {
  readonly hostId: string;
  readonly hostName: string;
  /** Why it cannot be asked; absent when it can. */
  readonly notReached?: string;
  /** When it last reported. */
  readonly observedAt?: Date;
}

/** The way to the planners, which are on the hosts. */
export interface HostPlanner {
  /** Hosts that the stack belongs on or is on, by name. */
  hostsOf(tx: UnitOfWork, stack: Stack, hasSecrets: boolean): Promise<PlannedHost[]>;
  /** Without a body: the plan of the stack's removal. Rejects when the host does not answer. */
  requestPlan(
    hostId: string,
    request: { readonly stackId: string; readonly body?: Uint8Array },
    signal: AbortSignal,
  ): Promise<PlanReply>;
}
