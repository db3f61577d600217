import {
  Build_State,
  type Build as BuildMessage,
  type BuildEvent,
  type ServiceBuild as ServiceBuildMessage,
} from "@windflow/proto/api";
import type { Build, BuildState, ServiceBuild } from "./model.ts";
import type { Watched } from "./watch.ts";

const states: Readonly<Record<BuildState, Build_State>> = {
  pending: Build_State.STATE_PENDING,
  running: Build_State.STATE_RUNNING,
  succeeded: Build_State.STATE_SUCCEEDED,
  failed: Build_State.STATE_FAILED,
  cancelled: Build_State.STATE_CANCELLED,
};

export function buildMessage(build: Build): BuildMessage {
  const { id, stackId, cause, hostId, hostName, platform, createdAt, startedAt, endedAt, createdBy } = build;
  return {
    id,
    stackId,
    state: states[build.state],
    cause,
    hostId,
    hostName,
    platform,
    services: build.services.map(serviceMessage),
    createdAt,
    startedAt,
    endedAt,
    createdBy,
  };
}

function serviceMessage(one: ServiceBuild): ServiceBuildMessage {
  const { service, inputDigest, configDigest, cause, reused } = one;
  return {
    service,
    inputDigest,
    state: states[one.state],
    configDigest,
    sizeBytes: BigInt(one.sizeBytes),
    cause,
    reused,
  };
}

/** @param last sequence of the line before */
export function eventMessage(watched: Watched, last: bigint): BuildEvent {
  if ("build" in watched)
    return { sequence: last, build: buildMessage(watched.build), line: "", service: "", at: undefined };
  const { sequence, text, service, at } = watched.line;
  return { sequence: BigInt(sequence), build: undefined, line: text, service, at };
}
