import type { Placement } from "../placement/index.ts";

export type BuildState = "pending" | "running" | "succeeded" | "failed" | "cancelled";

/** One service of a build. */
export interface ServiceBuild {
  readonly service: string;
  /** Name and tag of its image. */
  readonly reference: string;
  /** `sha256:…` over everything that goes in. */
  readonly inputDigest: string;
  readonly state: BuildState;
  /** Empty until it is built. */
  readonly configDigest: string;
  readonly sizeBytes: number;
  readonly cause: string;
  /** It was built before: nothing was done. */
  readonly reused: boolean;
}

/** Images of one stack's services, built on one host for its platform. */
export interface Build {
  readonly id: string;
  readonly organizationId: string;
  readonly stackId: string;
  readonly state: BuildState;
  /** Why it failed, and what to do; empty otherwise. */
  readonly cause: string;
  readonly hostId: string;
  readonly hostName: string;
  /** `linux/amd64`. */
  readonly platform: string;
  readonly services: readonly ServiceBuild[];
  /** Images that its Dockerfiles start or copy from. */
  readonly baseImages: readonly string[];
  /** Stored file with the list of what the host has to build; empty when there is nothing. */
  readonly tasksDigest: string;
  readonly createdBy: string;
  readonly createdAt: Date;
  readonly startedAt?: Date;
  readonly endedAt?: Date;
}

/** A line of output. */
export interface OutputLine {
  /** Rises by one from 1. */
  readonly sequence: number;
  readonly service: string;
  readonly text: string;
  readonly at: Date;
}

/** An image that was built, by what went into it. */
export interface BuiltImage {
  readonly inputDigest: string;
  readonly platform: string;
  readonly configDigest: string;
  readonly configSizeBytes: number;
  readonly manifestDigest: string;
  /** Base first; digests of uncompressed tars. */
  readonly layers: readonly { readonly digest: string; readonly sizeBytes: number }[];
  readonly sizeBytes: number;
  readonly builtAt: Date;
}

/** The stack that a build belongs to, as far as a build needs to know it. */
export interface StackToBuild {
  readonly id: string;
  readonly organizationId: string;
  readonly name: string;
  readonly placement: Placement;
}

/** Among base images: a Dockerfile names one by an argument that stays open. */
export const ANY_IMAGE = "*";

export function isOver(state: BuildState): boolean {
  return state !== "pending" && state !== "running";
}

/** Who keeps the files of a build while it is under way. */
export const buildHolder = (buildId: string): string => `build:${buildId}`;
/** Who keeps the configuration and the layers of a built image. */
export const imageHolder = (inputDigest: string): string => `built-image:${inputDigest}`;
