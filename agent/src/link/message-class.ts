import type { LinkClass } from "@windflow/core";
import type { AgentFrame, AgentServiceService, ControlFrame, StreamDown, StreamUp } from "@windflow/proto/agent";

export type AgentMethod = keyof typeof AgentServiceService;
type FrameKind = NonNullable<AgentFrame["kind"]>["$case"] | NonNullable<ControlFrame["kind"]>["$case"];
type StreamKind = NonNullable<StreamUp["kind"]>["$case"] | NonNullable<StreamDown["kind"]>["$case"];

/** Calls whose every message is of one class; those of the others depend on what they say. */
const OF_CALL: Readonly<Record<Exclude<AgentMethod, "connect" | "openStream">, LinkClass>> = {
  enroll: "control",
  renew: "control",
  fetchSecrets: "control",
  fetchRegistryAuth: "control",
  fetchBody: "layers",
  fetchFile: "layers",
  fetchRelease: "layers",
  fetchImage: "layers",
};

/** The parts of a built image. */
const LAYERS_OF_BUILDS: ReadonlySet<string> = new Set<StreamKind>(["builtImage", "filePart"]);

/** Small, and never held back: without it a host would count as gone, or a stream would hang, because of a limit. */
const NEVER_WAITS: ReadonlySet<string> = new Set<FrameKind | StreamKind>([
  "heartbeat",
  "heartbeatReply",
  "hello",
  "challenge",
  "welcome",
  "goodbye",
  "spoolAck",
  "linkSettings",
  "intervals",
  "ticket",
  "end",
  "close",
  "credit",
  "resize",
  "buildLine",
  "buildFailure",
]);

interface Message {
  readonly kind?: { readonly $case: string } | undefined;
}

/** The class that a message of a call counts for. */
export function classOf(method: AgentMethod, message: Message): LinkClass {
  if (method === "connect") return classOfFrame(message.kind?.$case);
  if (method === "openStream") return LAYERS_OF_BUILDS.has(message.kind?.$case ?? "") ? "layers" : "logs";
  return OF_CALL[method];
}

/** The class of a frame of the session, either way. */
export function classOfFrame(kind: string | undefined): LinkClass {
  return kind === "spoolBatch" || kind === "spoolAck" ? "metrics" : "control";
}

/** Whether a message waits for its class. */
export function waits(message: Message): boolean {
  return message.kind === undefined || !NEVER_WAITS.has(message.kind.$case);
}
