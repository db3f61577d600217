import { defineErrors, type ErrorCode } from "../platform/index.ts";

export type AgentsCode =
  | "WF_HOST_NOT_CONNECTED"
  | "WF_HOST_DISCONNECTED"
  | "WF_HOST_TIMEOUT"
  | "WF_HOST_BUSY"
  | "WF_HOST_ACTION_FAILED"
  | "WF_HOST_AWAITING_APPROVAL"
  | "WF_HOST_CLONE"
  | "WF_HOST_QUARANTINED"
  | "WF_BODY_NOT_DESIRED"
  | "WF_FILE_NOT_DESIRED"
  | "WF_RELEASE_NOT_DESIRED"
  | "WF_REVISION_NOT_DESIRED"
  | "WF_STREAM_TICKET_INVALID"
  | "WF_SESSION_SUPERSEDED"
  | "WF_SESSION_TOO_SLOW"
  | "WF_HELLO_MISSING"
  | "WF_HELLO_SIGNATURE"
  | "WF_PROTOCOL_TOO_OLD"
  | "WF_PROTOCOL_TOO_NEW"
  | "WF_SHUTTING_DOWN"
  | "WF_FRAME_UNREADABLE"
  | "WF_FRAME_UNEXPECTED"
  | "WF_FRAME_INVALID"
  | "WF_FRAME_FAILED"
  | "WF_SPOOL_OVERRUN";

/** What can go wrong between the control plane and an agent. Some travel in Goodbye and FrameError instead of a status. */
export const agentsErrors: Record<AgentsCode, ErrorCode> = defineErrors({
  WF_HOST_NOT_CONNECTED: {
    kind: "unavailable",
    title: "The host is not connected",
    fix: "Look at the host's page for when it was last seen; on the host, run `windflow-agent doctor`.",
  },
  WF_HOST_DISCONNECTED: {
    kind: "unavailable",
    title: "The connection to the host broke before it answered",
    fix: "Try again when the host is online; what had begun on the host may have been done.",
  },
  WF_HOST_TIMEOUT: {
    kind: "deadline",
    title: "The host did not answer in time",
    fix: "Try again; if it repeats, look at the host's load and at the agent's log.",
  },
  WF_HOST_BUSY: {
    kind: "exhausted",
    title: "Too many requests wait for this host's answer",
    fix: "Wait until the earlier ones have ended.",
  },
  WF_HOST_ACTION_FAILED: {
    kind: "precondition",
    title: "The host could not do it",
    fix: "The detail is the host's own answer; correct what it names and try again.",
  },
  WF_HOST_AWAITING_APPROVAL: {
    kind: "precondition",
    title: "The host waits for approval",
    fix: "Approve the host on its page; until then it is sent nothing to run.",
  },
  WF_HOST_CLONE: {
    kind: "precondition",
    title: "The machine is a clone of the host and did not enrol anew",
    fix: "Update its agent with the install line; or remove its agent's state directory and enrol it as a new host.",
  },
  WF_HOST_QUARANTINED: {
    kind: "precondition",
    title: "The host is quarantined: two machines use its key",
    fix: "Say on the host's page which machine it is: the other one enrols anew by itself, and what it runs goes on.",
  },
  WF_BODY_NOT_DESIRED: {
    kind: "notFound",
    title: "The host's desired state does not name this body",
    fix: "Nothing is wrong if the desired state has just changed: the agent asks for the new one.",
  },
  WF_FILE_NOT_DESIRED: {
    kind: "notFound",
    title: "Neither the host's desired state nor a build on it names this file",
    fix: "Nothing is wrong if the desired state has just changed: the agent asks for the new one.",
  },
  WF_RELEASE_NOT_DESIRED: {
    kind: "notFound",
    title: "No update that is under way brings this file to the host",
    fix: "Nothing is wrong if the update was cancelled or has ended: the agent stays as it is.",
  },
  WF_REVISION_NOT_DESIRED: {
    kind: "notFound",
    title: "The host's desired state does not name this revision",
    fix: "Nothing is wrong if the desired state has just changed: the agent asks for the new one.",
  },
  WF_STREAM_TICKET_INVALID: {
    kind: "unauthenticated",
    title: "The stream's ticket is unknown, used, older than 30 seconds or another host's",
    fix: "Open the logs or the terminal again.",
  },
  WF_SESSION_SUPERSEDED: {
    kind: "conflict",
    title: "A newer session of the same host has replaced this one",
    fix: "Nothing, if the agent was restarted. If it repeats, two machines use the same key: enrol the copy anew.",
  },
  WF_SESSION_TOO_SLOW: {
    kind: "exhausted",
    title: "The agent takes messages more slowly than they arise",
    fix: "The agent comes back by itself; look at the link and at the host's load if it repeats.",
  },
  WF_HELLO_MISSING: {
    kind: "deadline",
    title: "The agent opened a session and did not say hello",
    fix: "Look whether a proxy between the host and the control plane holds messages back.",
  },
  WF_HELLO_SIGNATURE: {
    kind: "unauthenticated",
    title: "The agent's hello is not signed by the host's key",
    fix: "Something between the host and the control plane answers in the host's name; if not, enrol the host anew.",
  },
  WF_PROTOCOL_TOO_OLD: {
    kind: "precondition",
    title: "The agent is too old for this control plane",
    fix: "Paste the install line (page Hosts, Add a host) on the machine: it puts the agent of this control plane in place, and keeps identity and stacks.",
  },
  WF_PROTOCOL_TOO_NEW: {
    kind: "precondition",
    title: "The agent is newer than this control plane understands",
    fix: "Update the control plane, or install its version of the agent.",
  },
  WF_SHUTTING_DOWN: {
    kind: "unavailable",
    title: "The control plane is stopping",
    fix: "The agent comes back by itself.",
  },
  WF_FRAME_UNREADABLE: {
    kind: "invalid",
    title: "A frame of the session cannot be read",
    fix: "The session goes on; update the agent if it repeats.",
  },
  WF_FRAME_UNEXPECTED: {
    kind: "invalid",
    title: "A frame came at a moment, or is of a kind, that this control plane does not know",
    fix: "The session goes on; compare the versions of the agent and of the control plane if it repeats.",
  },
  WF_FRAME_INVALID: {
    kind: "invalid",
    title: "A frame holds what is not allowed",
    fix: "The session goes on; report it with the version of the agent.",
  },
  WF_FRAME_FAILED: {
    kind: "internal",
    title: "A frame could not be handled",
    fix: "The session goes on; the log of the control plane names the cause.",
  },
  WF_SPOOL_OVERRUN: {
    kind: "exhausted",
    title: "The agent sent more unacknowledged batches than it may",
    fix: "The agent comes back by itself and sends again what was not acknowledged; update it if it repeats.",
  },
});
