import { signHello } from "@windflow/core";
import { PROTOCOL_VERSION } from "@windflow/proto";
import { AgentFrame, ControlFrame, type Hello, type Welcome } from "@windflow/proto/agent";
import type { KeyObject } from "node:crypto";
import type { Call, Link } from "./link.ts";

export type ToControlPlane = NonNullable<AgentFrame["kind"]>;
export type FromControlPlane = NonNullable<ControlFrame["kind"]>;

export interface Session {
  readonly call: Call;
  send(kind: ToControlPlane): void;
}

interface Parts {
  readonly link: Link;
  readonly hostId: string;
  readonly key: KeyObject;
  hello(): Omit<Hello, "protocolVersion" | "nonceSignature">;
  onWelcome(welcome: Welcome): void;
  onFrame(kind: FromControlPlane): void;
  /** Once. */
  onEnd(reason: string): void;
}

const CONNECT = "/windflow.agent.v1.AgentService/Connect";

/** The session as docs/architecture.md tells it: Challenge, Hello, Welcome, frames both ways. */
export function openSession(parts: Parts): Session {
  let sentId = 0n;
  let receivedId = 0n;
  const send = (kind: ToControlPlane): void => {
    sentId += 1n;
    call.send(AgentFrame.encode({ id: sentId, ack: receivedId, kind }).finish());
  };
  const call = parts.link.call(CONNECT, {
    onMessage: (bytes) => {
      const frame = ControlFrame.decode(bytes);
      receivedId = frame.id;
      const { kind } = frame;
      if (kind === undefined) return;
      if (kind.$case === "challenge") {
        const nonceSignature = signHello(parts.key, kind.value.nonce, parts.hostId);
        send({ $case: "hello", value: { ...parts.hello(), protocolVersion: PROTOCOL_VERSION, nonceSignature } });
      } else if (kind.$case === "welcome") parts.onWelcome(kind.value);
      else parts.onFrame(kind);
    },
    onEnd: (problem) => parts.onEnd(problem ?? "the control plane ended the session"),
  });
  return { call, send };
}
