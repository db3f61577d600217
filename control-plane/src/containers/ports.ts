import type { OpenStreamCommand, StreamDown, StreamUp } from "@windflow/proto/agent";
import type { Caller, UnitOfWork } from "../platform/index.ts";

/** The part of the agents' gateway that containers need. */
export interface ContainerGateway {
  act(hostId: string, action: "start" | "stop" | "restart", containerId: string, signal?: AbortSignal): Promise<void>;
  openStream(
    hostId: string,
    command: NonNullable<OpenStreamCommand["kind"]>,
    signal: AbortSignal,
  ): Promise<ContainerStream>;
}

/** One interactive stream with a host. */
export interface ContainerStream {
  send(message: NonNullable<StreamDown["kind"]>): Promise<void>;
  readonly messages: AsyncIterable<NonNullable<StreamUp["kind"]>>;
  close(reason?: { code: string; problem: string }): void;
}

/** The last figures of a container, from memory. */
export interface ContainerFigures {
  figuresOf(hostId: string, containerId: string): { cpuPercent: number; memoryBytes: number } | undefined;
}

/** Who holds a terminal: asked again while it is open. */
export interface TerminalHolder {
  readonly caller: Caller;
  /** The browser session that asked for it; signing out ends it. */
  readonly sessionId: string | undefined;
}
export interface TerminalRights {
  /** Whether the holder is still signed in and has the permission in the organization. */
  stillAllowed(holder: TerminalHolder, permission: string): Promise<boolean>;
  /** Calls `handler` when rights or sessions changed. Returns how to stop. */
  onChange(handler: () => void): () => void;
}

export interface AuditTrail {
  record(
    tx: UnitOfWork,
    caller: Caller,
    act: { action: string; targetKind: string; targetId: string; detail: Record<string, unknown> },
  ): Promise<void>;
}
