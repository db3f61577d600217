import type { ComposeModel } from "@windflow/core";
import type { OpenStreamCommand, StreamUp } from "@windflow/proto/agent";
import type { StackSource } from "@windflow/proto/api";
import type { TravellingFile } from "../files/index.ts";
import type { Caller, UnitOfWork } from "../platform/index.ts";
import type { StackToBuild } from "./model.ts";

/** A source as it would become a revision. */
export interface DraftToBuild {
  readonly stack: StackToBuild;
  readonly model: ComposeModel;
  readonly files: readonly TravellingFile[];
  readonly hasSecrets: boolean;
}

/** Renders sources of stacks. Outside of a unit of work. */
export interface BuildDrafts {
  /** Throws WF_STACK_INVALID for a source with errors. */
  draft(
    caller: Caller,
    wanted: { readonly stackId: string; readonly source: StackSource | undefined },
  ): Promise<DraftToBuild>;
}

/** A host that images may be built on. */
export interface BuildHost {
  readonly hostId: string;
  readonly name: string;
  /** `linux/amd64`. */
  readonly platform: string;
  /** Why it cannot be asked now; absent when it can. */
  readonly notReached?: string;
}

export interface BuildHosts {
  /** The hosts that the stack belongs on, by name; without those that wait for their approval. */
  placed(tx: UnitOfWork, stack: StackToBuild, hasSecrets: boolean): Promise<readonly BuildHost[]>;
  /** Any approved host of the organization. */
  find(tx: UnitOfWork, hostId: string): Promise<BuildHost | undefined>;
}

/** The part of the agents' gateway that builds need. */
export interface BuildGateway {
  openStream(
    hostId: string,
    command: NonNullable<OpenStreamCommand["kind"]>,
    signal: AbortSignal,
  ): Promise<{ readonly messages: AsyncIterable<NonNullable<StreamUp["kind"]>>; close(): void }>;
}

export interface AuditTrail {
  record(
    tx: UnitOfWork,
    caller: Caller,
    act: { action: string; targetKind: string; targetId: string; detail: Record<string, unknown> },
  ): Promise<void>;
}
