import {
  actionToWire,
  ACTION_DEADLINE_MS,
  PLAN_DEADLINE_MS,
  planRequest,
  RESOLVE_DEADLINE_MS,
  SIGN_IN_DEADLINE_MS,
  type AgentGateway,
} from "../gateway.ts";
import { ProblemError } from "../../platform/index.ts";
import { agentsErrors } from "../errors.ts";
import type { RemoteReplica } from "./remote.ts";

// The other side has its own deadline, and a better sentence for it.
const MARGIN_MS = 2_000;

/** A gateway that asks the control plane which has the host's session, this one or another. */
export function createRoutedGateway(parts: {
  local: AgentGateway;
  /** The control plane that has the host's session; undefined when it is none but this. */
  ownerOf: (hostId: string) => Promise<RemoteReplica | undefined>;
}): AgentGateway {
  const { local, ownerOf } = parts;

  async function remote(hostId: string): Promise<RemoteReplica> {
    const owner = await ownerOf(hostId);
    if (owner === undefined) throw new ProblemError({ code: agentsErrors.WF_HOST_NOT_CONNECTED });
    return owner;
  }

  return {
    ...local,
    requestPlan: async (hostId, request, signal) => {
      if (local.isConnected(hostId)) return local.requestPlan(hostId, request, signal);
      const owner = await remote(hostId);
      const kind = planRequest(request);
      const reply = await owner.ask(hostId, kind, { deadlineMs: PLAN_DEADLINE_MS + MARGIN_MS, signal });
      if (reply?.$case === "planReply") return reply.value;
      throw new ProblemError({ code: agentsErrors.WF_HOST_DISCONNECTED });
    },
    requestProject: async (hostId, asked, signal) => {
      if (local.isConnected(hostId)) return local.requestProject(hostId, asked, signal);
      const owner = await remote(hostId);
      const kind = { $case: "projectRequest", value: { requestId: "", ...asked } } as const;
      const reply = await owner.ask(hostId, kind, { deadlineMs: PLAN_DEADLINE_MS + MARGIN_MS, signal });
      if (reply?.$case === "projectReply") return reply.value;
      throw new ProblemError({ code: agentsErrors.WF_HOST_DISCONNECTED });
    },
    resolveImages: async (hostId, asked, signal) => {
      if (local.isConnected(hostId)) return local.resolveImages(hostId, asked, signal);
      const owner = await remote(hostId);
      const value = { requestId: "", images: [...asked.images], sealed: asked.sealed };
      const deadlineMs = RESOLVE_DEADLINE_MS + MARGIN_MS;
      const reply = await owner.ask(hostId, { $case: "resolveRequest", value }, { deadlineMs, signal });
      if (reply?.$case === "resolveReply") return reply.value;
      throw new ProblemError({ code: agentsErrors.WF_HOST_DISCONNECTED });
    },
    signIn: async (hostId, asked, signal) => {
      if (local.isConnected(hostId)) return local.signIn(hostId, asked, signal);
      const owner = await remote(hostId);
      const value = { requestId: "", address: asked.address, sealed: asked.sealed };
      const deadlineMs = SIGN_IN_DEADLINE_MS + MARGIN_MS;
      const reply = await owner.ask(hostId, { $case: "registryRequest", value }, { deadlineMs, signal });
      if (reply?.$case === "registryReply") return reply.value;
      throw new ProblemError({ code: agentsErrors.WF_HOST_DISCONNECTED });
    },
    act: async (hostId, action, containerId, signal) => {
      if (local.isConnected(hostId)) return local.act(hostId, action, containerId, signal);
      const owner = await remote(hostId);
      const kind = {
        $case: "actionRequest",
        value: { requestId: "", action: actionToWire(action), containerId },
      } as const;
      await owner.ask(hostId, kind, { deadlineMs: ACTION_DEADLINE_MS + MARGIN_MS, signal });
    },
    openStream: async (hostId, command, signal) => {
      if (local.isConnected(hostId)) return local.openStream(hostId, command, signal);
      return (await remote(hostId)).openStream(hostId, command, signal);
    },
  };
}
