import { Client, credentials, Metadata, type ClientDuplexStream, type ServiceError } from "@grpc/grpc-js";
import type { AgentFrame, ControlFrame, StreamDown, StreamUp } from "@windflow/proto/agent";
import { commonErrors, ProblemError, type ErrorCode } from "../../platform/index.ts";
import { agentsErrors } from "../errors.ts";
import type { HostStream, HostStreamCommand, StreamFromHost } from "../streams.ts";
import type { ToAgent } from "../wire.ts";
import { COMMAND_HEADER, commandToText, HOST_HEADER, replicaService } from "./service.ts";

/** What a control plane shows to another one, and whom it trusts. */
export interface ReplicaCredentials {
  rootsPem: string;
  privateKeyPem: string;
  certificateChainPem: string;
}

/** Another control plane, as far as the hosts that are connected to it go. */
export interface RemoteReplica {
  ask(
    hostId: string,
    kind: ToAgent,
    options: { deadlineMs: number; signal?: AbortSignal | undefined },
  ): Promise<AgentFrame["kind"]>;
  openStream(hostId: string, command: HostStreamCommand, signal: AbortSignal): Promise<HostStream>;
}

const MESSAGE_BYTES = 8 * 1024 * 1024;

/** @param address `host:port` of its one port */
export function createRemoteReplica(address: string, shown: ReplicaCredentials): RemoteReplica {
  // A connection for each act: they are few beside what hosts send, and none is left open to a replica that is gone.
  const dial = (): Client =>
    new Client(
      address,
      credentials.createSsl(
        Buffer.from(shown.rootsPem),
        Buffer.from(shown.privateKeyPem),
        Buffer.from(shown.certificateChainPem),
      ),
      { "grpc.use_local_subchannel_pool": 1, "grpc.max_receive_message_length": MESSAGE_BYTES },
    );

  return {
    ask: (hostId, kind, { deadlineMs, signal }) => {
      const client = dial();
      const { path, requestSerialize, responseDeserialize } = replicaService.ask;
      const frame: ControlFrame = { id: 0n, ack: 0n, kind };
      const deadline = new Date(Date.now() + deadlineMs);
      return new Promise<AgentFrame["kind"]>((resolve, reject) => {
        const call = client.makeUnaryRequest<ControlFrame, AgentFrame>(
          path,
          requestSerialize,
          responseDeserialize,
          frame,
          headers(hostId),
          { deadline },
          (error, response) => (error === null ? resolve(response?.kind) : reject(problemOf(error))),
        );
        signal?.addEventListener("abort", () => call.cancel(), { once: true });
      }).finally(() => client.close());
    },
    openStream: async (hostId, command, signal) => {
      signal.throwIfAborted();
      const client = dial();
      const { path, requestSerialize, responseDeserialize } = replicaService.stream;
      const metadata = headers(hostId);
      metadata.set(COMMAND_HEADER, commandToText(command));
      const call = client.makeBidiStreamRequest<StreamDown, StreamUp>(
        path,
        requestSerialize,
        responseDeserialize,
        metadata,
      );
      call.on("status", () => client.close());
      signal.addEventListener("abort", () => call.cancel(), { once: true });
      const messages = readAll(call);
      // The other side says so when the host has opened its stream.
      await messages.next();
      return {
        send: (kind) => write(call, { kind }),
        messages: withoutEmpty(messages),
        close: (reason) => {
          const end = { exitCode: 0, code: reason?.code ?? "", problem: reason?.problem ?? "" };
          call.write({ kind: { $case: "close", value: end } });
          call.end();
        },
      };
    },
  };
}

function headers(hostId: string): Metadata {
  const metadata = new Metadata();
  metadata.set(HOST_HEADER, hostId);
  return metadata;
}

async function* readAll(call: ClientDuplexStream<StreamDown, StreamUp>): AsyncGenerator<StreamUp> {
  try {
    for await (const message of call) yield message as StreamUp;
  } catch (error) {
    throw problemOf(error);
  }
}

async function* withoutEmpty(messages: AsyncIterable<StreamUp>): AsyncGenerator<StreamFromHost> {
  for await (const { kind } of messages) {
    if (kind === undefined) continue;
    yield kind;
    if (kind.$case === "end") return;
  }
}

function write(call: ClientDuplexStream<StreamDown, StreamUp>, message: StreamDown): Promise<void> {
  return new Promise((resolve, reject) => {
    call.write(message, (error: Error | null | undefined) => (error ? reject(problemOf(error)) : resolve()));
  });
}

const known: ReadonlyMap<string, ErrorCode> = new Map(
  [...Object.values<ErrorCode>(agentsErrors), ...Object.values<ErrorCode>(commonErrors)].map((code) => [
    code.code,
    code,
  ]),
);

/** The other side's problem with its own code; a link that broke is a host that cannot be reached. */
function problemOf(error: unknown): ProblemError {
  const { details = "" } = error as Partial<ServiceError>;
  const [, name = "", detail = ""] = /^(WF_\w+): (.*)$/s.exec(details) ?? [];
  const code = known.get(name);
  if (code !== undefined) return new ProblemError({ code, detail, cause: error });
  const why = `The control plane that the host is connected to did not answer: ${details || String(error)}.`;
  return new ProblemError({ code: agentsErrors.WF_HOST_DISCONNECTED, detail: why, cause: error });
}
