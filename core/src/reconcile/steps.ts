import type { ComposeHook } from "../compose/model.ts";
import type { DeliveredImage } from "./desired.ts";
import type { HookPhase } from "./hooks.ts";
import type { Replacement } from "./replacement.ts";
import type { RestartPolicy } from "./restart-policy.ts";

interface StepBase {
  /** `op target`: unique in a plan, and the same in the next plan while the step is still needed. */
  readonly id: string;
  readonly stackId: string;
  readonly service?: string;
  /** Why, as a person would say it. */
  readonly cause: string;
  /** Ids of steps of the same plan that must be done before. */
  readonly dependsOn: readonly string[];
  /** Steps with the same lock never run at once. */
  readonly lock: string;
}

export interface PullImage extends StepBase {
  readonly op: "pull-image";
  /** As written in the model. */
  readonly reference: string;
  /** What to ask the registry for: `repository@sha256:…` when resolved. */
  readonly pullFrom: string;
  readonly platform?: string;
}

/** Brings an image that was built to the engine, from files of the revision; in place of a pull. */
export interface LoadImage extends StepBase {
  readonly op: "load-image";
  /** As written in the model, or as docker compose names what it builds. */
  readonly reference: string;
  readonly delivered: DeliveredImage;
}

export interface CreateNetwork extends StepBase {
  readonly op: "create-network";
  readonly key: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
}

export interface RemoveNetwork extends StepBase {
  readonly op: "remove-network";
  readonly networkId: string;
  readonly name: string;
}

export interface CreateVolume extends StepBase {
  readonly op: "create-volume";
  readonly key: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** Removes a volume with its data; only one that may be made anew. */
export interface RemoveVolume extends StepBase {
  readonly op: "remove-volume";
  readonly name: string;
}

/** A volume that the image declares, taken over from the container that is replaced. */
export interface InheritedVolume {
  readonly name: string;
  readonly destination: string;
}

/** A container whose namespaces or volumes the new one shares: a slot of the same stack, by its name. */
export interface SharedContainer {
  readonly service: string;
  readonly container: string;
  /** Absent while that container is to be created by this plan. */
  readonly containerId?: string;
}

export interface CreateContainer extends StepBase {
  readonly op: "create-container";
  readonly service: string;
  readonly number: number;
  /** The name it will have in the end. */
  readonly slot: string;
  /** The name it is created with; differs from `slot` while the old one still has that name. */
  readonly name: string;
  readonly imageReference: string;
  /** Absent while the image is to be pulled by this plan. */
  readonly imageId?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly inherited: readonly InheritedVolume[];
  readonly shares: readonly SharedContainer[];
}

interface ExistingContainer extends StepBase {
  readonly slot: string;
  /** Absent when a step before this one creates it. */
  readonly containerId?: string;
}

export interface StartContainer extends ExistingContainer {
  readonly op: "start-container";
  /** How many hooks follow it. */
  readonly hooks: number;
  /** It ran before under another revision, and has the files of that one. */
  readonly isPrevious?: true;
}

export interface StopContainer extends ExistingContainer {
  readonly op: "stop-container";
  readonly containerId: string;
}

/** One step and not two: what was stopped under `restart: no` looks like what has ended by itself. */
export interface RestartContainer extends ExistingContainer {
  readonly op: "restart-container";
  /** How many hooks follow it. */
  readonly hooks: number;
  readonly containerId: string;
}

export interface RemoveContainer extends ExistingContainer {
  readonly op: "remove-container";
  readonly containerId: string;
}

export interface RenameContainer extends ExistingContainer {
  readonly op: "rename-container";
  readonly name: string;
  readonly to: string;
}

export interface ConnectNetwork extends ExistingContainer {
  readonly op: "connect-network";
  readonly service: string;
  readonly containerId: string;
  readonly key: string;
  readonly name: string;
}

/** Sets what the engine does when a container ends. */
export interface SetRestartPolicy extends ExistingContainer {
  readonly op: "set-restart-policy";
  readonly service: string;
  readonly containerId: string;
  readonly policy: RestartPolicy;
}

/**
 * One command inside a container, after its start or before its stop. One after a start that fails has failed the start; one before a
 * stop that fails is told of, and the stop goes on. An agent that dies meanwhile runs it once more.
 */
export interface RunHook extends ExistingContainer {
  readonly op: "run-hook";
  readonly phase: HookPhase;
  /** Place in the list of its phase, from 0. */
  readonly index: number;
  readonly hook: ComposeHook;
  readonly isLast: boolean;
}

export type WaitCondition = "started" | "healthy" | "completed";

/** Nothing to do but to wait: the next observation that shows the condition drops the step. */
export interface Wait extends StepBase {
  readonly op: "wait";
  readonly slot: string;
  readonly until: WaitCondition;
}

export type Step =
  | PullImage
  | LoadImage
  | CreateNetwork
  | RemoveNetwork
  | CreateVolume
  | RemoveVolume
  | CreateContainer
  | StartContainer
  | StopContainer
  | RestartContainer
  | RemoveContainer
  | RenameContainer
  | ConnectNetwork
  | SetRestartPolicy
  | RunHook
  | Wait;

export type StepOp = Step["op"];

/** Something that no step can mend; a person has to. `service` is absent when it concerns the whole stack. */
export interface Problem {
  readonly stackId: string;
  readonly service?: string;
  /** A warning leaves the service alone; an error keeps it from being changed. */
  readonly severity: "error" | "warning";
  readonly message: string;
}

/** Whether a service is away for a moment while the plan runs. */
export interface ServiceDowntime {
  readonly stackId: string;
  readonly service: string;
  readonly expected: boolean;
  /** At most, where all goes well: from the stop signal of the old container until the new one is ready; 0 when none is expected. */
  readonly seconds: number;
  readonly reason: string;
}

export interface Plan {
  readonly steps: readonly Step[];
  readonly problems: readonly Problem[];
  readonly downtime: readonly ServiceDowntime[];
  /** What has to be remembered, durably, before the first step runs. */
  readonly replacements: readonly Replacement[];
  /** When time alone may change the plan, in milliseconds since the epoch. */
  readonly recheckAt?: number;
}
