import type { ContainersServiceService, TerminalInput, TerminalOutput, TerminalStart } from "@windflow/proto/api";
import { pageOf, readPage, type CallContext, type Handlers, type TerminalHandler, type Tickets } from "../api/index.ts";
import { commonErrors, ProblemError } from "../platform/index.ts";
import { createOutputQueue } from "./output-queue.ts";
import { streamLogs } from "./logs.ts";
import type { ContainerFigures, ContainerGateway, TerminalHolder } from "./ports.ts";
import type { ContainersService, KnownContainer } from "./service.ts";
import type { TerminalInputItem } from "./terminal.ts";
import type { TerminalSessions, TerminalTarget } from "./terminals.ts";
import { containerMessage } from "./wire.ts";

/** The kind of tickets that open a terminal of this domain. */
export const TERMINAL_TICKET = "terminal";

interface TicketContent {
  readonly target: TerminalTarget;
  readonly sessionId: string | undefined;
}

export function containersHandlers(parts: {
  readonly service: ContainersService;
  readonly sessions: TerminalSessions;
  readonly gateway: ContainerGateway;
  readonly figures: ContainerFigures;
  readonly tickets: Tickets;
}): Handlers<typeof ContainersServiceService> {
  const { service, sessions, gateway, figures, tickets } = parts;
  const message = (known: KnownContainer) =>
    containerMessage(known.report, { ...known, figures: figures.figuresOf(known.hostId, known.report.id) });

  async function ticket(context: CallContext, target: TerminalTarget): Promise<{ path: string; expiresAt: Date }> {
    const { caller, principal } = context;
    await sessions.check(caller, target);
    const payload: TicketContent = { target, sessionId: principal?.sessionId };
    return tickets.issue({ kind: TERMINAL_TICKET, caller, payload });
  }

  const act =
    (action: "start" | "stop" | "restart") =>
    async (target: { hostId: string; containerId: string }, { caller, signal }: CallContext) => {
      await service.act(caller, action, target, signal);
      return {};
    };

  return {
    listContainers: async (request, { caller }) => {
      const { hostId, stackId, filter } = request;
      const query = { list: "containers", hostId, stackId, filter };
      const page = readPage(request.page, query);
      const [name, afterHost, containerId] = (page.after ?? []).map(String);
      const after =
        name === undefined || afterHost === undefined || containerId === undefined
          ? {}
          : { after: { name, hostId: afterHost, containerId } };
      const wanted = { hostId, stackId, text: filter, limit: page.size + 1, ...after };
      const { containers, total } = await service.list(caller, wanted);
      const { rows, nextPageToken } = pageOf(containers, page, query, ({ report, hostId: host }) => [
        report.name,
        host,
        report.id,
      ]);
      return { containers: rows.map(message), nextPageToken, total };
    },
    getContainer: async (request, { caller }) =>
      message(await service.get(caller, request.hostId, request.containerId)),
    startContainer: act("start"),
    stopContainer: act("stop"),
    restartContainer: act("restart"),
    streamLogs: async function* (request, { caller, signal }) {
      // Whose container it is: a host's id of another organization finds nothing.
      await service.get(caller, request.hostId, request.containerId);
      yield* streamLogs(gateway, request, signal);
    },
    exec: (requests, context) => execOverGrpc(sessions, requests, context),
    createExecTicket: (request, context) => {
      const { hostId, containerId, command, user } = request;
      return ticket(context, { hostId, containerId, command, user, tty: true, columns: 0, rows: 0 });
    },
    createHostShellTicket: ({ hostId }, context) =>
      ticket(context, { hostId, containerId: "", command: [], user: "", tty: true, columns: 0, rows: 0 }),
  };
}

/** Serves terminals that were opened with a ticket. */
export function ticketTerminal(sessions: TerminalSessions): TerminalHandler {
  return async (socket, payload, caller) => {
    const { target, sessionId } = payload as TicketContent;
    const holder: TerminalHolder = { caller, sessionId };
    const end = { input: socket.input, write: (output: Uint8Array) => socket.write(output) };
    socket.exit(await sessions.run(holder, target, end, socket.signal));
  };
}

async function* execOverGrpc(
  sessions: TerminalSessions,
  requests: AsyncIterable<TerminalInput>,
  { caller, principal, signal }: CallContext,
): AsyncGenerator<TerminalOutput> {
  const iterator = requests[Symbol.asyncIterator]();
  const first = await iterator.next();
  const start = first.done === true ? undefined : first.value.kind;
  if (start?.$case !== "start") {
    const violations = [{ path: "start", message: "must be the first message" }];
    throw new ProblemError({ code: commonErrors.WF_INVALID_ARGUMENT, violations });
  }
  const target = targetOf(start.value);
  await sessions.check(caller, target);
  const output = createOutputQueue<TerminalOutput>();
  const end = {
    input: inputOf(iterator),
    write: (bytes: Uint8Array, isError: boolean) =>
      output.push({ kind: { $case: isError ? "errorOutput" : "output", value: bytes } }),
  };
  const running = sessions.run({ caller, sessionId: principal?.sessionId }, target, end, signal).then(
    (exit) => output.end({ kind: { $case: "exit", value: exit } }),
    (error: unknown) => output.fail(error),
  );
  yield* output.items();
  await running;
}

function targetOf(start: TerminalStart): TerminalTarget {
  const { hostId, containerId, command, user, tty, size } = start;
  return { hostId, containerId, command, user, tty, columns: size?.columns ?? 0, rows: size?.rows ?? 0 };
}

async function* inputOf(iterator: AsyncIterator<TerminalInput>): AsyncGenerator<TerminalInputItem> {
  for (;;) {
    const next = await iterator.next();
    if (next.done === true) return;
    const { kind } = next.value;
    if (kind?.$case === "input") yield { bytes: kind.value };
    else if (kind?.$case === "resize") yield kind.value;
  }
}
