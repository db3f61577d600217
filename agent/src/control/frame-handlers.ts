import { type AdoptEngine, projectReply } from "../adopt/index.ts";
import type { Reconciler } from "../reconcile/options.ts";
import type { Log } from "../platform/log.ts";
import { type ResolveParts, resolveReply, signInReply } from "../registries/index.ts";
import type { FrameHandlers } from "../session/dispatch.ts";
import type { SessionLink } from "../session/session.ts";
import type { Intervals, LinkSettings } from "@windflow/proto/agent";
import type { OpenStreamCommand, SitePeers } from "@windflow/proto/agent";
import type { DesiredStore } from "../state/desired-store.ts";
import type { KnownTime } from "../state/known-time.ts";
import type { Updater } from "../update/index.ts";
import { actionReply } from "./action.ts";
import type { DesiredIntake } from "./desired-intake.ts";
import { planReply } from "./answer-plan.ts";

export interface FrameHandlerParts extends ResolveParts {
  readonly loop: Reconciler;
  readonly store: DesiredStore;
  readonly engine: ResolveParts["engine"] & AdoptEngine;
  readonly intake: DesiredIntake;
  readonly updater: Pick<Updater, "offer">;
  readonly knownTime: KnownTime;
  readonly log: Log;
  openStream(command: OpenStreamCommand, link: SessionLink): void;
  setIntervals(intervals: Intervals): void;
  takeLink(settings: LinkSettings): void;
  spoolAcknowledged(spoolId: string, sequence: bigint): void;
  sendObserved(): void;
  takePeers(message: SitePeers): void;
}

/** What the agent does with each kind of frame of one session. */
export function frameHandlers(parts: FrameHandlerParts, link: SessionLink): FrameHandlers {
  return {
    desiredState: (state) => parts.intake.offer(state, link),
    spoolAck: (ack) => parts.spoolAcknowledged(ack.spoolId, ack.sequence),
    openStream: (command) => parts.openStream(command, link),
    planRequest: async (request) => {
      link.send({ $case: "planReply", value: await planReply(request, parts.store, parts.loop) });
    },
    actionRequest: async (request) => {
      link.send({ $case: "actionReply", value: await actionReply(request, parts.loop) });
    },
    intervals: (intervals) => parts.setIntervals(intervals),
    error: (error) => {
      parts.log("warn", "The control plane could not handle a frame.", { code: error.code, reason: error.message });
    },
    heartbeatReply: ({ serverTime }) => {
      if (serverTime !== undefined) parts.knownTime.learn(serverTime.getTime());
    },
    resolveRequest: async (request) => {
      link.send({ $case: "resolveReply", value: await resolveReply(request, parts) });
    },
    projectRequest: async (request) => {
      const { engine, store } = parts;
      const reply = await projectReply(request, { engine, desired: () => store.world() });
      link.send({ $case: "projectReply", value: reply });
    },
    registryRequest: async (request) => {
      link.send({ $case: "registryReply", value: await signInReply(request, parts) });
    },
    observeNow: () => {
      parts.loop.wake("observe-now");
      parts.sendObserved();
    },
    desiredAgent: (message) => parts.updater.offer(message, link),
    linkSettings: (settings) => parts.takeLink(settings),
    sitePeers: (message) => parts.takePeers(message),
  };
}
