import type { ComposeModel } from "@windflow/core";
import type { StackStatus } from "@windflow/proto/api";
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
}

/** Compose files in, normalised model out. */
export interface ComposeRenderer {
  /** The model is absent when a problem is an error. */
  render(input: RenderInput): { readonly model?: ComposeModel; readonly problems: readonly StoredProblem[] };
  /** What stands in the way of running a valid model on a host, e.g. a service that has no image. */
  undeployable(input: RenderInput): readonly StoredProblem[];
}

/** What higher domains know of stacks, for their API messages. */
export interface StackStanding {
  /** @param detail whether every host is listed, or the counts only */
  statusOf(tx: UnitOfWork, stackIds: readonly string[], detail: "hosts" | "counts"): Promise<Map<string, StackStatus>>;
  /** Stack → its rollout under way. */
  activeRollouts(tx: UnitOfWork, stackIds: readonly string[]): Promise<Map<string, string>>;
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
