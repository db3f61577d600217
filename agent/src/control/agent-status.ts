import type { EngineFacts } from "@windflow/core";
import type { AgentState } from "../lifecycle.ts";
import { type OwnUsage, ownUsage } from "../metrics/index.ts";
import type { Clock } from "../platform/clock.ts";
import type { SessionEnd } from "../session/session.ts";
import type { WireBytes } from "../session/wire-meter.ts";
import type { Spool } from "../spool/spool.ts";

/** What an agent that runs says of itself to root on its host. Times are milliseconds since 1970. */
export interface AgentStatus {
  readonly pid: number;
  readonly version: string;
  readonly startedAt: number;
  /** "ready" while there is a session. */
  readonly state: AgentState;
  /** When it came to that state. */
  readonly stateSince: number;
  /** How often a session was opened since the start. */
  readonly sessions: number;
  /** Of the last session or attempt that ended. */
  readonly lastEnd?: { readonly at: number; readonly reason: string; readonly code?: string };
  readonly engine: { readonly name?: string; readonly version?: string; readonly problem: string };
  readonly spool: {
    /** Entries that were ever written under the spool's name. */
    readonly written: number;
    /** Entries that nobody has acknowledged. */
    readonly waiting: number;
    readonly bytes: number;
    readonly maxBytes: number;
    /** Entries given up since the start. */
    readonly dropped: number;
  };
  readonly usage: OwnUsage & { readonly bytesReceived: number; readonly bytesSent: number };
  /** The file that it logs to; absent where the journal has it. */
  readonly logFile?: string;
}

export interface StatusKeeperParts {
  readonly version: string;
  readonly clock: Clock;
  readonly spoolMaxBytes: number;
  readonly logFile: string | undefined;
  readonly spool: Pick<Spool, "durable" | "waiting" | "bytes" | "dropped">;
  engine(): Pick<EngineFacts, "name" | "version"> | undefined;
  engineProblem(): string;
  wireBytes(): WireBytes;
}

/** Follows the agent's life, so that it can be told. */
export interface StatusKeeper {
  entered(state: AgentState): void;
  ended(end: SessionEnd): void;
  tell(): AgentStatus;
}

export function createStatusKeeper(parts: StatusKeeperParts): StatusKeeper {
  const { clock, spool } = parts;
  const startedAt = clock.now();
  let state: AgentState = "connecting";
  let stateSince = startedAt;
  let sessions = 0;
  let lastEnd: AgentStatus["lastEnd"];
  return {
    entered: (next) => {
      state = next;
      stateSince = clock.now();
      if (next === "ready") sessions++;
    },
    ended: ({ reason, goodbye }) => {
      lastEnd = { at: clock.now(), reason, ...(goodbye === undefined ? {} : { code: goodbye.code }) };
    },
    tell: () => {
      const engine = parts.engine();
      const wire = parts.wireBytes();
      return {
        pid: process.pid,
        version: parts.version,
        startedAt,
        state,
        stateSince,
        sessions,
        ...(lastEnd === undefined ? {} : { lastEnd }),
        engine: {
          ...(engine === undefined ? {} : { name: engine.name, version: engine.version }),
          problem: parts.engineProblem(),
        },
        spool: {
          written: Number(spool.durable),
          waiting: Number(spool.waiting),
          bytes: spool.bytes,
          maxBytes: parts.spoolMaxBytes,
          dropped: Number(spool.dropped),
        },
        usage: { ...ownUsage(), bytesReceived: wire.in, bytesSent: wire.out },
        ...(parts.logFile === undefined ? {} : { logFile: parts.logFile }),
      };
    },
  };
}
