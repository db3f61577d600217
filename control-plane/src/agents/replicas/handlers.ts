import type { AgentFrame, ControlFrame, StreamDown, StreamUp } from "@windflow/proto/agent";
import type { AgentContext, AgentHandlers } from "../../api/index.ts";
import { ProblemError } from "../../platform/index.ts";
import { agentsErrors } from "../errors.ts";
import { actionFromWire, type AgentGateway } from "../gateway.ts";
import type { HostStream } from "../streams.ts";
import { COMMAND_HEADER, commandFromText, HOST_HEADER, type ReplicaServiceDefinition } from "./service.ts";

/** Serves other control planes with the hosts that are connected to this one. */
export function replicaHandlers(parts: {
  local: AgentGateway;
  /** Throws unless the certificate's key is that of a control plane on this database. */
  requireReplica: (peerCertificate: Uint8Array | undefined) => Promise<void>;
}): AgentHandlers<ReplicaServiceDefinition> {
  const { local, requireReplica } = parts;
  return {
    ask: async (request, context) => {
      await requireReplica(context.peerCertificate);
      const hostId = context.metadata(HOST_HEADER) ?? "";
      return { id: 0n, ack: 0n, kind: await answer(local, hostId, request.kind, context.signal) };
    },
    stream: async function* (requests, context) {
      await requireReplica(context.peerCertificate);
      yield* relay(local, requests, context);
    },
  };
}

async function answer(
  local: AgentGateway,
  hostId: string,
  kind: ControlFrame["kind"],
  signal: AbortSignal,
): Promise<AgentFrame["kind"]> {
  switch (kind?.$case) {
    case "planRequest": {
      const { stackId, body, adoptedContainerIds } = kind.value;
      const asked = { stackId, adoptedContainerIds, ...(body.length > 0 ? { body } : {}) };
      return { $case: "planReply", value: await local.requestPlan(hostId, asked, signal) };
    }
    case "projectRequest": {
      const { project, own } = kind.value;
      return { $case: "projectReply", value: await local.requestProject(hostId, { project, own }, signal) };
    }
    case "resolveRequest":
      return { $case: "resolveReply", value: await local.resolveImages(hostId, kind.value, signal) };
    case "registryRequest":
      return { $case: "registryReply", value: await local.signIn(hostId, kind.value, signal) };
    case "actionRequest":
      await local.act(hostId, actionFromWire(kind.value.action), kind.value.containerId, signal);
      return { $case: "actionReply", value: { requestId: "", problem: "" } };
    case "observeNow":
      local.observeNow(hostId);
      return undefined;
    default:
      throw new ProblemError({ code: agentsErrors.WF_FRAME_UNEXPECTED });
  }
}

async function* relay(
  local: AgentGateway,
  requests: AsyncIterable<StreamDown>,
  context: AgentContext,
): AsyncGenerator<StreamUp> {
  const command = commandFromText(context.metadata(COMMAND_HEADER) ?? "");
  if (command === undefined) throw new ProblemError({ code: agentsErrors.WF_FRAME_UNEXPECTED });
  const stream = await local.openStream(context.metadata(HOST_HEADER) ?? "", command, context.signal);
  // The asking control plane resolves its own `openStream` with this.
  yield { kind: undefined };
  // Ends with the call; a message that cannot be passed on ends the stream, which the reader below learns.
  passOn(stream, requests).catch(() => stream.close());
  for await (const kind of stream.messages) yield { kind };
}

async function passOn(stream: HostStream, requests: AsyncIterable<StreamDown>): Promise<void> {
  for await (const { kind } of requests) if (kind !== undefined) await stream.send(kind);
}
