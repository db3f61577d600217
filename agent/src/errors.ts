/** Codes that the agent itself gives; each is told to a person with what, why and what to do. */
export const AGENT_ERROR_CODES = {
  WF_CONFIG_INVALID: "A setting of the agent is missing, unknown or out of range.",
  WF_NOT_ENROLLED: "The agent has no identity yet.",
  WF_ALREADY_RUNNING: "Another agent runs with the same state.",
  WF_ALREADY_ENROLLED: "The agent is enrolled with another control plane.",
  WF_CA_MISMATCH: "The certificate authority that the server shows is not the one that was pinned.",
  WF_SERVER_UNTRUSTED: "The server's certificate is not one that this agent trusts.",
  WF_SERVER_UNREACHABLE: "No connection to the control plane.",
  WF_ENROLL_REFUSED: "The control plane refused the join token or the request.",
  WF_STATE_UNREADABLE: "A file of the agent's state cannot be read or was altered.",
  WF_OLDER_GENERATION: "The desired state is older than the one that the host has.",
  WF_BODY_INVALID: "A body of the desired state is missing, does not match its digest, or cannot be read.",
  WF_SECRETS_UNAVAILABLE: "The secrets of a revision could not be had or opened.",
  WF_FILES_NO_ROOM: "There is no room on the host for the files of a stack.",
  WF_FILES_UNAVAILABLE: "Files of a stack could not be had, or cannot be put where containers mount them.",
  WF_LOCAL_POLICY: "The host's own policy does not allow what a stack asks for.",
  WF_REVISION_NOT_KEPT: "The host does not have that revision of the stack any more, or never ran it.",
  WF_STACK_UNKNOWN: "The host runs no stack of that name.",
  WF_NOT_RUNNING: "No agent runs with this state, so nothing can be asked of it.",
  WF_IMAGE_DAMAGED: "What came for an image is not what its digest says.",
  WF_IMAGE_UNRESOLVED: "The revision does not say which bytes an image's tag stands for.",
  WF_LOG_MISSING: "There is no log of the agent to show.",
  WF_BUILD_FAILED: "An image could not be built.",
  WF_STREAM_LIMIT: "Too many streams of this kind are open on the host.",
  WF_LINK_STOPPED: "The link profile of the host lets nothing of this kind through now.",
  WF_NOT_ALLOWED: "The host was installed without this right.",
  WF_ENGINE: "The container engine refused or cannot be reached.",
  WF_FRAME_INVALID: "A frame could not be understood or handled.",
  WF_AGENT_STOPPING: "The agent was asked to stop.",
  WF_AGENT_RECONNECTS: "The agent ends its session to greet anew at once: what the host says of itself has changed.",
  WF_UPDATE_IMPOSSIBLE: "This agent cannot be replaced by itself, or not now.",
  WF_SESSION_TIMEOUT: "The control plane did not answer in time.",
} as const;

export type AgentErrorCode = keyof typeof AGENT_ERROR_CODES;

/** A failure with a code that people and programs can look up. The message says what, why and what to do. */
export class AgentError extends Error {
  override readonly name = "AgentError";
  readonly code: AgentErrorCode;
  constructor(code: AgentErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
