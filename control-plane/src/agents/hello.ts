import type { KeyObject } from "node:crypto";
import { verifyHello } from "@windflow/core";
import { OLDEST_PROTOCOL_VERSION, PROTOCOL_VERSION } from "@windflow/proto";
import type { Hello } from "@windflow/proto/agent";
import type { AgentsCode } from "./errors.ts";

/** Why a session is not opened, and when the agent may try again. */
export interface HelloRefusal {
  code: AgentsCode;
  message: string;
  retryAfterMs: number;
}

// A version does not change by itself: once an hour is often enough to notice that somebody updated one side.
const OTHER_VERSION_RETRY_MS = 3_600_000;
const FORGED_RETRY_MS = 60_000;
// What speaks no common protocol cannot be updated over a session: this is the one way that is left.
const UPDATE_PATH =
  "Paste the install line (page Hosts, Add a host) on the machine: it puts the agent of this control plane in place, and keeps identity and stacks.";
// Text fields of Hello are ids that the agent makes; longer ones are none.
const MAX_ID_CHARACTERS = 128;

/** Checks a Hello against the nonce that it must answer and the key of the host that the certificate named. */
export function helloRefusal(
  hello: Hello,
  session: { nonce: Uint8Array; hostId: string; publicKey: Uint8Array | KeyObject },
): HelloRefusal | undefined {
  const version = hello.protocolVersion;
  const spoken = `This control plane speaks ${OLDEST_PROTOCOL_VERSION} to ${PROTOCOL_VERSION}, the agent ${version}.`;
  if (version < OLDEST_PROTOCOL_VERSION) {
    return { code: "WF_PROTOCOL_TOO_OLD", message: `${spoken} ${UPDATE_PATH}`, retryAfterMs: OTHER_VERSION_RETRY_MS };
  }
  if (version > PROTOCOL_VERSION)
    return { code: "WF_PROTOCOL_TOO_NEW", message: spoken, retryAfterMs: OTHER_VERSION_RETRY_MS };
  if (!verifyHello(session.publicKey, session.nonce, session.hostId, hello.nonceSignature)) {
    return {
      code: "WF_HELLO_SIGNATURE",
      message: "The hello is not signed by the key of this host.",
      retryAfterMs: FORGED_RETRY_MS,
    };
  }
  const ids = [hello.bootId, hello.instanceId, hello.spoolId, hello.observedDigest];
  if (ids.some((id) => id.length > MAX_ID_CHARACTERS)) {
    return {
      code: "WF_FRAME_INVALID",
      message: `An id of the hello is longer than ${MAX_ID_CHARACTERS} characters.`,
      retryAfterMs: FORGED_RETRY_MS,
    };
  }
  return undefined;
}
