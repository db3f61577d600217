/**
 * A session's life:
 *
 * ```mermaid
 * stateDiagram-v2
 *   [*] --> challenged: the agent connected, Challenge was sent
 *   challenged --> greeting: Hello came
 *   greeting --> open: Hello held, the epoch is committed, Welcome was sent
 *   challenged --> ended
 *   greeting --> ended
 *   open --> ended
 * ```
 */
export type SessionState = "challenged" | "greeting" | "open" | "ended";

/** Why a session ended. */
export type SessionEnd =
  | "refused"
  | "superseded"
  | "revoked"
  | "quarantined"
  | "too-slow"
  | "spool-overrun"
  | "shutting-down"
  | "agent-left"
  | "link-lost";

export type SessionEvent = { type: "hello" } | { type: "welcomed" } | { type: "end"; why: SessionEnd };

/** The state after the event; undefined when the event may not happen in this state. */
export function nextSessionState(state: SessionState, event: SessionEvent): SessionState | undefined {
  switch (event.type) {
    case "hello":
      return state === "challenged" ? "greeting" : undefined;
    case "welcomed":
      return state === "greeting" ? "open" : undefined;
    case "end":
      return state === "ended" ? undefined : "ended";
  }
}

/** What a host's page says of a session that is over. */
export const endSentences: Record<SessionEnd, string> = {
  refused: "the control plane refused the session",
  superseded: "a newer session replaced it",
  revoked: "the host was revoked",
  quarantined: "the host was quarantined",
  "too-slow": "the agent took messages too slowly",
  "spool-overrun": "the agent sent more figures and events than it may before they were acknowledged",
  "shutting-down": "the control plane stopped",
  "agent-left": "the agent stopped on purpose",
  "link-lost": "the connection broke",
};
