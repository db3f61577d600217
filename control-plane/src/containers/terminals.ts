import type { ExecStream, HostShellStream } from "@windflow/proto/agent";
import { listHostSummaries } from "../hosts/index.ts";
import {
  commonErrors,
  field,
  ProblemError,
  requirePermission,
  type Caller,
  type Clock,
  type Database,
  type Log,
  type NewId,
} from "../platform/index.ts";
import { containersErrors } from "./errors.ts";
import type { AuditTrail, ContainerGateway, TerminalHolder, TerminalRights } from "./ports.ts";
import { readContainer } from "./store-observed.ts";
import { joinTerminal, type TerminalEnd, type TerminalResult } from "./terminal.ts";

/** What a terminal is opened on: a command in a container, or the host's own shell. */
export interface TerminalTarget {
  readonly hostId: string;
  /** Empty: the host's shell. */
  readonly containerId: string;
  /** Empty: a shell that the container has. */
  readonly command: readonly string[];
  readonly user: string;
  readonly tty: boolean;
  readonly columns: number;
  readonly rows: number;
}

export interface TerminalSessions {
  /** Throws unless the caller may have this terminal on this host. */
  check(caller: Caller, target: TerminalTarget): Promise<void>;
  /**
   * Opens it and joins both ends until one of them ends, or the right to it is taken away. Opening and ending are in
   * the audit trail.
   */
  run(holder: TerminalHolder, target: TerminalTarget, end: TerminalEnd, signal: AbortSignal): Promise<TerminalResult>;
}

const DEFAULT_SIZE = { columns: 80, rows: 24 };
const ANY_SHELL = ["/bin/sh", "-c", "if command -v bash >/dev/null 2>&1; then exec bash; else exec sh; fi"];
// Besides every change that is told: decisions.md 14.
const RECHECK_MS = 30_000;

interface Parts {
  readonly database: Database;
  readonly clock: Clock;
  readonly log: Log;
  readonly newId: NewId;
  readonly audit: AuditTrail;
  readonly gateway: ContainerGateway;
  readonly rights: TerminalRights;
}

export function createTerminalSessions(parts: Parts): TerminalSessions {
  const { database, clock, log, newId, audit, gateway, rights } = parts;

  async function record(caller: Caller, target: TerminalTarget, what: string, detail: object): Promise<void> {
    const isShell = target.containerId === "";
    await database.inOrganization(caller, (tx) =>
      audit.record(tx, caller, {
        action: `${isShell ? "hosts.shell" : "containers.exec"}.${what}`,
        targetKind: isShell ? "host" : "container",
        targetId: isShell ? target.hostId : target.containerId,
        detail: { hostId: target.hostId, ...detail },
      }),
    );
  }

  /** Aborts when the holder may not have the terminal any more. A database that is away takes nobody's rights away. */
  function watch(holder: TerminalHolder, permission: string, ended: AbortController): () => void {
    const ask = (): void => {
      rights.stillAllowed(holder, permission).then(
        (allowed) => {
          if (allowed) return;
          const detail = `the permission ${permission} was taken away, or the session ended`;
          ended.abort(new ProblemError({ code: commonErrors.WF_PERMISSION_DENIED, detail }));
        },
        (error: unknown) =>
          log.warn({ err: error }, "The rights to a terminal could not be checked; asked again later."),
      );
    };
    const stop = rights.onChange(ask);
    const timer = setInterval(ask, RECHECK_MS);
    return () => {
      stop();
      clearInterval(timer);
    };
  }

  return {
    check: (caller, target) =>
      database.inOrganization(
        caller,
        async (tx) => {
          requirePermission(caller, permissionFor(target));
          const [host] = await listHostSummaries(tx, { hostIds: [target.hostId] });
          if (host === undefined) throw notFound(`there is no host ${target.hostId}`);
          if (target.containerId === "") {
            if (!host.hostShellAllowed) throw new ProblemError({ code: containersErrors.WF_HOST_SHELL_NOT_ALLOWED });
            return;
          }
          const container = await readContainer(tx, target.hostId, target.containerId);
          if (container === undefined) throw notFound(`${host.name} has no container ${target.containerId}`);
        },
        { readOnly: true },
      ),
    run: async (holder, target, end, signal) => {
      const { caller } = holder;
      const terminalId = newId("trm");
      const ended = new AbortController();
      const either = AbortSignal.any([signal, ended.signal]);
      const unwatch = watch(holder, permissionFor(target), ended);
      try {
        // Recorded before anything is opened: a terminal without a record does not exist.
        await record(caller, target, "open", { terminalId, command: target.command, user: target.user });
        const startedMs = clock.monotonicMs();
        const stream = await gateway.openStream(target.hostId, commandOf(target, caller), either);
        const result = await joinTerminal(stream, end, either);
        const seconds = Math.round((clock.monotonicMs() - startedMs) / 1000);
        await record(caller, target, "close", { terminalId, seconds, ...result });
        log.info(
          { [field.hostId]: target.hostId, [field.callerId]: caller.id, [field.outcome]: result.reason || "ended" },
          "A terminal was closed.",
        );
        return result;
      } finally {
        unwatch();
      }
    },
  };
}

export function permissionFor(target: Pick<TerminalTarget, "containerId">): string {
  return target.containerId === "" ? "hosts.shell" : "containers.exec";
}

function commandOf(
  target: TerminalTarget,
  caller: Caller,
): { $case: "exec"; value: ExecStream } | { $case: "hostShell"; value: HostShellStream } {
  const columns = target.columns || DEFAULT_SIZE.columns;
  const rows = target.rows || DEFAULT_SIZE.rows;
  if (target.containerId === "") return { $case: "hostShell", value: { columns, rows, actor: caller.name } };
  const { containerId, user, tty } = target;
  const command = target.command.length > 0 ? [...target.command] : ANY_SHELL;
  return { $case: "exec", value: { containerId, command, user, tty, columns, rows } };
}

function notFound(detail: string): ProblemError {
  return new ProblemError({ code: commonErrors.WF_NOT_FOUND, detail });
}
