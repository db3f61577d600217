import {
  ActionRequest_Action,
  type ActionReply,
  type ImageQuery,
  type PlanReply,
  type PlanRequest,
  type ProjectReply,
  type RegistryReply,
  type ResolveReply,
} from "@windflow/proto/agent";
import { ProblemError } from "../platform/index.ts";
import type { DesiredPush } from "./desired.ts";
import { agentsErrors } from "./errors.ts";
import type { LiveViews } from "./intervals.ts";
import type { SessionRegistry } from "./registry.ts";
import type { Session } from "./session.ts";
import type { HostStream, HostStreamCommand, Streams } from "./streams.ts";

export type ContainerAction = "start" | "stop" | "restart";

export interface AskedPlan {
  readonly stackId: string;
  readonly body?: Uint8Array;
  /** Containers that the plan takes for the stack's own. */
  readonly adoptedContainerIds?: readonly string[];
}

export interface AskedImages {
  readonly images: readonly ImageQuery[];
  /** An encoded SealedBox with credentials for their registries; empty when there are none. */
  readonly sealed: Uint8Array;
}

export interface AskedSignIn {
  readonly address: string;
  /** An encoded SealedBox with the credentials to try. */
  readonly sealed: Uint8Array;
}

/**
 * How the other domains talk to hosts. A request to a host that is not connected fails at once with
 * WF_HOST_NOT_CONNECTED; each has a deadline; a slow host delays nobody else.
 */
export interface AgentGateway {
  isConnected(hostId: string): boolean;
  /** Says "look again": the desired state is asked for afresh and sent when its generation is another. Never throws. */
  pushDesiredState(hostId: string): void;
  /** @param request.body encoded StackBody; without it, the removal of the stack is planned */
  requestPlan(hostId: string, request: AskedPlan, signal?: AbortSignal): Promise<PlanReply>;
  /** What the containers of a compose project that is not ours come to. */
  requestProject(hostId: string, asked: AskedProject, signal?: AbortSignal): Promise<ProjectReply>;
  /** What tags stand for, as the host's engine and its registries say. */
  resolveImages(hostId: string, asked: AskedImages, signal?: AbortSignal): Promise<ResolveReply>;
  /** Signs in to a registry from the host's engine. */
  signIn(hostId: string, asked: AskedSignIn, signal?: AbortSignal): Promise<RegistryReply>;
  /** Throws WF_HOST_ACTION_FAILED with the host's own sentence when it could not be done. */
  act(hostId: string, action: ContainerAction, containerId: string, signal?: AbortSignal): Promise<void>;
  /** Resolves when the host has opened the stream; the signal ends it. */
  openStream(hostId: string, command: HostStreamCommand, signal: AbortSignal): Promise<HostStream>;
  /** While held, the host samples and ships each second. Returns how to let go. */
  holdLive(hostId: string): () => void;
  /** Asks for a whole observed state now. */
  observeNow(hostId: string): void;
}

/** A compose project of the host; `own`: also one that is a stack's of ours. */
export interface AskedProject {
  project: string;
  own: boolean;
}

// A plan reads the engine and compares; a large host takes seconds.
export const PLAN_DEADLINE_MS = 30_000;
// The host gives each registry less than this, and says so when one does not answer.
export const RESOLVE_DEADLINE_MS = 10_000;
// An engine tries an address that does not answer for 15 s.
export const SIGN_IN_DEADLINE_MS = 25_000;
// A container may take its whole stop grace period, 10 s unless the model says more.
export const ACTION_DEADLINE_MS = 60_000;

const actions: Record<ContainerAction, ActionRequest_Action> = {
  start: ActionRequest_Action.ACTION_START,
  stop: ActionRequest_Action.ACTION_STOP,
  restart: ActionRequest_Action.ACTION_RESTART,
};

export function actionToWire(action: ContainerAction): ActionRequest_Action {
  return actions[action];
}

/** The frame of a plan request, without the id that its sender gives it. */
export function planRequest({ stackId, body, adoptedContainerIds = [] }: AskedPlan): {
  $case: "planRequest";
  value: PlanRequest;
} {
  const value = {
    requestId: "",
    stackId,
    body: body ?? new Uint8Array(),
    adoptedContainerIds: [...adoptedContainerIds],
  };
  return { $case: "planRequest", value };
}

/** Throws for a number that names no action. */
export function actionFromWire(wire: ActionRequest_Action): ContainerAction {
  for (const name of ["start", "stop", "restart"] as const) if (actions[name] === wire) return name;
  throw new ProblemError({ code: agentsErrors.WF_FRAME_INVALID, detail: `There is no action ${wire}.` });
}

export function createGateway(parts: {
  registry: SessionRegistry;
  desiredPush: DesiredPush;
  streams: Streams;
  live: LiveViews;
}): AgentGateway {
  const { registry, desiredPush, streams, live } = parts;

  function connected(hostId: string): Session {
    const session = registry.find(hostId);
    if (session === undefined || session.state !== "open")
      throw new ProblemError({ code: agentsErrors.WF_HOST_NOT_CONNECTED });
    return session;
  }

  function approved(hostId: string): Session {
    const session = connected(hostId);
    if (session.awaitingApproval) throw new ProblemError({ code: agentsErrors.WF_HOST_AWAITING_APPROVAL });
    return session;
  }

  return {
    isConnected: (hostId) => registry.find(hostId)?.state === "open",
    pushDesiredState: (hostId) => desiredPush.push(hostId),
    requestPlan: async (hostId, request, signal) => {
      const session = connected(hostId);
      const kind = planRequest(request);
      return session.pending.ask<PlanReply>({
        deadlineMs: PLAN_DEADLINE_MS,
        signal,
        send: (requestId) => session.send({ ...kind, value: { ...kind.value, requestId } }),
      });
    },
    requestProject: (hostId, asked, signal) => {
      const session = connected(hostId);
      return session.pending.ask<ProjectReply>({
        deadlineMs: PLAN_DEADLINE_MS,
        signal,
        send: (requestId) => session.send({ $case: "projectRequest", value: { requestId, ...asked } }),
      });
    },
    resolveImages: async (hostId, { images, sealed }, signal) => {
      const session = approved(hostId);
      return session.pending.ask<ResolveReply>({
        deadlineMs: RESOLVE_DEADLINE_MS,
        signal,
        send: (requestId) =>
          session.send({ $case: "resolveRequest", value: { requestId, images: [...images], sealed } }),
      });
    },
    signIn: async (hostId, { address, sealed }, signal) => {
      const session = approved(hostId);
      return session.pending.ask<RegistryReply>({
        deadlineMs: SIGN_IN_DEADLINE_MS,
        signal,
        send: (requestId) => session.send({ $case: "registryRequest", value: { requestId, address, sealed } }),
      });
    },
    act: async (hostId, action, containerId, signal) => {
      const session = approved(hostId);
      const reply = await session.pending.ask<ActionReply>({
        deadlineMs: ACTION_DEADLINE_MS,
        signal,
        send: (requestId) =>
          session.send({ $case: "actionRequest", value: { requestId, action: actions[action], containerId } }),
      });
      if (reply.problem !== "")
        throw new ProblemError({ code: agentsErrors.WF_HOST_ACTION_FAILED, detail: reply.problem });
    },
    openStream: async (hostId, command, signal) => streams.open(connected(hostId), command, signal),
    holdLive: (hostId) => live.hold(hostId),
    observeNow: (hostId) => {
      registry.find(hostId)?.send({ $case: "observeNow", value: {} });
    },
  };
}
