import type { CreatedAs } from "../adopt/created.ts";
import type { Healing } from "./healing.ts";
import type { RestartPolicy } from "./restart-policy.ts";

/** Container states of the Engine API. */
export type ContainerState = "created" | "running" | "paused" | "restarting" | "removing" | "exited" | "dead";

/** `none`: no healthcheck is configured, or the container never ran. */
export type ContainerHealth = "none" | "starting" | "healthy" | "unhealthy";

export interface ObservedMount {
  readonly type: string;
  /** Name of the volume; absent for other types. */
  readonly name?: string;
  readonly source?: string;
  readonly destination: string;
  readonly readWrite: boolean;
}

export interface ObservedPort {
  readonly hostIp?: string;
  readonly hostPort?: number;
  readonly containerPort: number;
  readonly protocol: string;
}

export interface ObservedEndpoint {
  readonly name: string;
  /** Empty until the container was started for the first time. */
  readonly networkId: string;
  readonly ipAddress?: string;
}

/** What only an inspect of the one container tells; absent until it was inspected. */
export interface ContainerDetail {
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  readonly startedAt?: number;
  readonly finishedAt?: number;
  readonly restartCount: number;
  readonly outOfMemory: boolean;
  readonly error?: string;
  /** Output of the last health probe that failed, shortened. */
  readonly healthOutput?: string;
  /** What the engine does when it ends. */
  readonly restartPolicy?: RestartPolicy;
  /** Limits that can be changed while it runs, as one text a limit: `Memory=268435456`. */
  readonly limits?: readonly string[];
}

export interface ObservedContainer {
  readonly id: string;
  readonly name: string;
  /** Image reference as given at creation. */
  readonly image: string;
  readonly imageId: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly state: ContainerState;
  readonly health: ContainerHealth;
  /** Of the last run, when it has ended. */
  readonly exitCode?: number;
  /** Milliseconds since the epoch, whole seconds. */
  readonly createdAt: number;
  /** As Docker words it: `Up 3 seconds (healthy)`. */
  readonly statusText: string;
  /** `bridge`, `host`, `none`, `container:<id>` or the name of a network. */
  readonly networkMode: string;
  readonly networks: readonly ObservedEndpoint[];
  readonly mounts: readonly ObservedMount[];
  readonly ports: readonly ObservedPort[];
  readonly command: string;
  readonly detail?: ContainerDetail;
  /** What it was created with; known of adopted containers only. */
  readonly created?: CreatedAs;
  /** It did not end by itself: its engine or host went down, or an earlier plan stopped it. */
  readonly interrupted?: boolean;
  /** The first of its service's `post_start` hooks that has not run since we started it; absent when none is due. */
  readonly hooksDue?: number;
  /** How a heal rule stands with it; absent when its service has none. */
  readonly healing?: Healing;
  /** What was changed on it by hand since it was made, as `Memory`; absent when nothing was. */
  readonly altered?: readonly string[];
}

export interface ObservedNetwork {
  readonly id: string;
  readonly name: string;
  readonly driver: string;
  readonly labels: Readonly<Record<string, string>>;
}

export interface ObservedVolume {
  readonly name: string;
  readonly driver: string;
  readonly labels: Readonly<Record<string, string>>;
}

export interface ObservedImage {
  readonly id: string;
  readonly tags: readonly string[];
  /** `repository@sha256:…` each. */
  readonly digests: readonly string[];
  readonly sizeBytes: number;
}

export interface EngineFacts {
  readonly id: string;
  readonly name: string;
  readonly version: string;
  readonly apiVersion: string;
  readonly operatingSystem: string;
  readonly architecture: string;
  readonly storageDriver: string;
  /** Folder that the engine keeps images and containers in; absent when it does not say. */
  readonly dataRoot?: string;
}

/** One look at an engine: ours and strangers, duplicates and orphans, nothing left out. */
export interface ObservedWorld {
  /** Milliseconds since the epoch, when the first list was asked for. */
  readonly observedAt: number;
  readonly engine: EngineFacts;
  readonly containers: readonly ObservedContainer[];
  readonly networks: readonly ObservedNetwork[];
  readonly volumes: readonly ObservedVolume[];
  readonly images: readonly ObservedImage[];
}
