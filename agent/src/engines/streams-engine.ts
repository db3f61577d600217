import type { ObservedContainer } from "@windflow/core";

export interface OutputChunk {
  readonly stream: "stdout" | "stderr";
  readonly bytes: Buffer;
}

export interface LogsRequest {
  readonly follow: boolean;
  /** Number of lines from the end; all without it. */
  readonly tail?: number;
  /** Seconds since the epoch, with a fraction if wanted. */
  readonly since?: number;
  readonly until?: number;
  /** Each line begins with its RFC 3339 time. */
  readonly timestamps: boolean;
  readonly signal: AbortSignal;
}

export interface ExecRequest {
  readonly command: readonly string[];
  readonly tty: boolean;
  readonly user?: string;
  readonly workingDirectory?: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly columns?: number;
  readonly rows?: number;
  readonly signal: AbortSignal;
}

/** A command that runs in a container. */
export interface ExecSession {
  /** Ends when the command ends or the session is closed. With a tty all is stdout. */
  readonly output: AsyncIterable<OutputChunk>;
  /** Resolves when the engine has taken the bytes: wait for it, so that a slow command slows the sender. */
  write(bytes: Buffer): Promise<void>;
  /** Closes standard input. */
  end(): void;
  resize(columns: number, rows: number): Promise<void>;
  /** Exit code, once the output has ended. */
  exitCode(): Promise<number | undefined>;
  close(): void;
}

/** One look at the figures of a container; absent where the engine does not say. */
export interface ContainerFigures {
  /** Nanoseconds of processor time since it started. */
  readonly cpuNanoseconds: number;
  /** Working set: usage without inactive file cache. */
  readonly memoryBytes: number;
  readonly memoryLimitBytes?: number | undefined;
  readonly processes?: number | undefined;
  readonly receivedBytes: number;
  readonly sentBytes: number;
  readonly readBytes: number;
  readonly writtenBytes: number;
}

/** What logs, terminals and figures ask of an engine. */
export interface StreamsEngine {
  listContainers(): Promise<ObservedContainer[]>;
  /** The engine's own JSON. */
  inspectContainer(containerId: string): Promise<unknown>;
  containerLogs(containerId: string, request: LogsRequest): AsyncIterable<OutputChunk>;
  exec(containerId: string, request: ExecRequest): Promise<ExecSession>;
  containerStats(containerId: string): Promise<ContainerFigures>;
}
