import type { CreatedContainers } from "../adopt/index.ts";
import type {
  DesiredStack,
  DesiredWorld,
  HealRecord,
  Hold,
  ImagePin,
  LoadImage,
  ObservedWorld,
  Plan,
  Problem,
  Replacement,
  ServiceDowntime,
  Settled,
  StackStatus,
  Step,
  StepOp,
} from "@windflow/core";
import type { Clock } from "../platform/clock.ts";
import type { Log } from "../platform/log.ts";
import type {
  EngineEvent,
  FileContent,
  PulledImage,
  PullProgress,
  ReconcileEngine,
  RegistryCredentials,
} from "./engine.ts";

/** What the reconciler has to remember over a restart of the agent. Small, and plain JSON. */
export interface ReconcileMemory {
  readonly pins: readonly ImagePin[];
  readonly holds: readonly Hold[];
  /** Containers of ours that ran when last looked at: those that a reboot ended are started again. */
  readonly running: readonly string[];
  /**
   * Containers that plans or operators stopped, with when, in milliseconds since the epoch: wanted again, they are started again,
   * which their own restart policy would not do.
   */
  readonly stopped?: Readonly<Record<string, number>>;
  /** Containers that we started and whose `post_start` hooks have not all run, with the first that has not. */
  readonly hooksDue?: Readonly<Record<string, number>>;
  /** Containers that took the place of others that are kept, and why those failed that did. */
  readonly replacements?: readonly Replacement[];
  /** How the healing of places stands. */
  readonly heals?: readonly HealRecord[];
  /** What each stack had converged on. */
  readonly settled?: readonly Settled[];
  /** What nobody asked for, of each stack that has some. */
  readonly drifts?: readonly DriftRecord[];
  /** Container → its limits when it was first seen. */
  readonly limits?: Readonly<Record<string, readonly string[]>>;
  /** Name and version of the engine that showed those limits. */
  readonly limitsOf?: string;
  /** From where restarts are counted, of each stack. */
  readonly begun?: readonly BegunAttempt[];
  readonly bootId: string;
}

/** Drift of one stack, from when it was found until it is put right or gone. */
export interface DriftRecord {
  readonly stackId: string;
  /** Milliseconds since the epoch. */
  readonly since: number;
  /** Those that came later included; bounded. */
  readonly steps: readonly ToldStep[];
}

export interface ToldStep {
  readonly op: StepOp;
  readonly target: string;
  readonly cause: string;
  /** Empty when it is of no service. */
  readonly service: string;
}

/** An attempt of a stack, with the restarts that its containers had before. */
export interface BegunAttempt {
  readonly stackId: string;
  readonly revision: number;
  readonly attempt: string;
  /** Container that was there when it began → its restarts then; -1 while they are not known. */
  readonly restarts: Readonly<Record<string, number>>;
}

/** Something that the loop did by itself, for the host's history. */
export interface OwnEvent {
  readonly type: "drift.corrected" | "heal.restarted" | "heal.recreated" | "heal.given-up" | "heal.alerted";
  readonly stackId: string;
  readonly service?: string;
  readonly containerId?: string;
  readonly containerName?: string;
  /** A sentence for a person. */
  readonly message: string;
  readonly severity: "info" | "warning" | "error";
  readonly attributes: Readonly<Record<string, string>>;
}

/** Where a {@link ReconcileMemory} is kept. `save` has to be durable when it returns. */
export interface MemoryStore {
  load(): ReconcileMemory | undefined;
  save(memory: ReconcileMemory): void;
}

export interface FailingStep {
  readonly stepId: string;
  readonly op: StepOp;
  readonly service?: string;
  readonly reason: string;
  /** Milliseconds since the epoch. */
  readonly since: number;
  readonly attempts: number;
  readonly nextTryAt: number;
  /** What it was refused for does not pass by itself. */
  readonly final?: true;
}

/** How far a stack is from its revision. */
export interface StackSettlement {
  readonly stackId: string;
  readonly revision: number;
  /** Nothing is left to do, nothing fails and nothing is in the way; it says nothing of the health of what runs. */
  readonly converged: boolean;
  readonly waiting: readonly string[];
  readonly failing: readonly FailingStep[];
  readonly problems: readonly Problem[];
  /** The attempt that failed and was taken back; empty when it had no name. */
  readonly failedAttempt?: string;
  /** Steps that put right, or would put right, what nobody asked for. */
  readonly drift: readonly Step[];
  /** Milliseconds since the epoch. */
  readonly driftSince?: number;
  /** Most restarts of one of its containers since the attempt began. */
  readonly restarts: number;
}

export interface ObservationReport {
  /** undefined while the engine has not been reached since the start. */
  readonly world: ObservedWorld | undefined;
  readonly stacks: readonly StackStatus[];
  readonly settlements: readonly StackSettlement[];
  /** The desired generation, once every stack of it has converged. */
  readonly appliedGeneration?: string;
  /** Why the engine cannot be asked; the world is the last one seen then. */
  readonly engineError?: string;
}

export interface ProgressEvent {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly stackId: string;
  readonly revision: number;
  readonly service?: string;
  readonly stepId: string;
  readonly op: StepOp;
  readonly phase: "started" | "progress" | "done" | "failed";
  /** The step as the plan words it. */
  readonly text: string;
  readonly error?: string;
  readonly pull?: PullProgress & { readonly reference: string };
}

export interface PlanAnswer {
  readonly steps: readonly Step[];
  readonly problems: readonly Problem[];
  readonly downtime: readonly ServiceDowntime[];
  readonly text: string;
  /** When the world that the plan was made against was seen, in milliseconds since the epoch. */
  readonly observedAt: number;
}

/**
 * Brings an image that was built to the engine, and gives the image that the engine has then.
 * @throws Error with a sentence for a person when its files cannot be had or the engine refuses them.
 */
export type LoadImagePort = (
  stack: DesiredStack,
  image: LoadImage,
  onProgress: (progress: PullProgress) => void,
  signal: AbortSignal,
) => Promise<PulledImage>;

export interface ReconcilerOptions {
  readonly engine: ReconcileEngine;
  /** undefined: not known yet. Then nothing is touched. */
  desired(): DesiredWorld | undefined;
  /** Text of a stack's secret `name@version`; undefined when it was not delivered. */
  readonly secrets: (stack: DesiredStack, reference: string) => Promise<string | undefined>;
  /** Content behind a digest of {@link DesiredStack.files}. */
  readonly files: (stack: DesiredStack, digest: string) => Promise<FileContent | undefined>;
  /**
   * Where the stack's own files that a service mounts stand on this host, by the source in the model; made or mended before it resolves.
   * Absent: a stack has no files of its own.
   */
  readonly binds?: (stack: DesiredStack, service: string) => Promise<Readonly<Record<string, string>>>;
  /** Tells what adopted containers were created with; without it their config hash alone says whether they may stay. */
  readonly created?: CreatedContainers;
  readonly memory: MemoryStore;
  /** Absent: a stack whose images were built cannot run here. */
  readonly loadImage?: LoadImagePort;
  /** Absent: the engine pulls. */
  readonly pullImage?: ReconcileEngine["pullImage"];
  registryAuth?(imageReference: string): Promise<RegistryCredentials | undefined>;
  /** A sentence that refuses the stack on this host, or undefined. */
  allowPrivileged?(stack: DesiredStack): string | undefined;
  /** Changes with every boot of the host. */
  readonly bootId: string;
  readonly clock: Clock;
  readonly log: Log;
  onObserved(report: ObservationReport): void;
  onProgress(event: ProgressEvent): void;
  onEngineEvent?(event: EngineEvent): void;
  /** Revisions that are kept beside the desired ones: what their images were resolved to here is not forgotten. */
  kept?(): readonly Pick<DesiredStack, "stackId" | "revision">[];
  onOwnEvent?(event: OwnEvent): void;
}

export interface Reconciler {
  start(): void;
  /** Resolves when no step is in flight any more; waits for a pull by aborting it. */
  stop(): Promise<void>;
  /** Says that something may have changed; never blocks. */
  wake(reason: string): void;
  /** The plan for a whole desired world, or for one stack while the others stay as they are desired now. */
  planFor(desired: DesiredWorld | DesiredStack): Promise<PlanAnswer>;
  observed(): ObservedWorld | undefined;
  settled(stackId: string): StackSettlement | undefined;
  /** Stops a container at an operator's word: one of ours stays stopped until it is started again or its revision changes. */
  stopContainer(containerId: string): Promise<void>;
  startContainer(containerId: string): Promise<void>;
  restartContainer(containerId: string): Promise<void>;
}

export type { Plan };
