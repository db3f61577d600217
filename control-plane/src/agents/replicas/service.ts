import { AgentFrame, ControlFrame, OpenStreamCommand, StreamDown, StreamUp } from "@windflow/proto/agent";

/** Metadata that says which host a call between control planes is about, and which stream is wanted of it. */
export const HOST_HEADER = "windflow-host";
export const COMMAND_HEADER = "windflow-command";

/**
 * Between control planes on one database: what a host that is connected to another one is asked for. Spoken by processes of
 * one installation only, in the messages of the agent protocol; not part of any public contract.
 */
export const replicaService: ReplicaServiceDefinition = {
  ask: {
    path: "/windflow.replica.ReplicaService/Ask",
    requestStream: false,
    responseStream: false,
    requestSerialize: (frame) => Buffer.from(ControlFrame.encode(frame).finish()),
    requestDeserialize: (bytes) => ControlFrame.decode(bytes),
    responseSerialize: (frame) => Buffer.from(AgentFrame.encode(frame).finish()),
    responseDeserialize: (bytes) => AgentFrame.decode(bytes),
  },
  stream: {
    path: "/windflow.replica.ReplicaService/Stream",
    requestStream: true,
    responseStream: true,
    requestSerialize: (message) => Buffer.from(StreamDown.encode(message).finish()),
    requestDeserialize: (bytes) => StreamDown.decode(bytes),
    responseSerialize: (message) => Buffer.from(StreamUp.encode(message).finish()),
    responseDeserialize: (bytes) => StreamUp.decode(bytes),
  },
};

interface Method<Request, Response, Streams extends boolean> {
  readonly path: string;
  readonly requestStream: Streams;
  readonly responseStream: Streams;
  readonly requestSerialize: (message: Request) => Buffer;
  readonly requestDeserialize: (bytes: Buffer) => Request;
  readonly responseSerialize: (message: Response) => Buffer;
  readonly responseDeserialize: (bytes: Buffer) => Response;
}
export interface ReplicaServiceDefinition {
  ask: Method<ControlFrame, AgentFrame, false>;
  stream: Method<StreamDown, StreamUp, true>;
}

export function commandToText(kind: OpenStreamCommand["kind"]): string {
  return Buffer.from(OpenStreamCommand.encode({ ticket: "", kind }).finish()).toString("base64");
}

export function commandFromText(text: string): OpenStreamCommand["kind"] {
  return OpenStreamCommand.decode(Buffer.from(text, "base64")).kind;
}
