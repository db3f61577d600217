/** Where the agent stands between its control plane and itself. Enforcement on the host goes on in each of them but `stopped`. */
export type AgentState = "enrolling" | "connecting" | "ready" | "draining" | "stopped";

export type LifecycleEvent =
  | { readonly type: "enrolled" }
  | { readonly type: "welcomed" }
  | { readonly type: "session-ended" }
  | { readonly type: "stop-asked" }
  | { readonly type: "drained" };

const TRANSITIONS: Readonly<Record<AgentState, Partial<Record<LifecycleEvent["type"], AgentState>>>> = {
  enrolling: { enrolled: "connecting", "stop-asked": "stopped" },
  connecting: { welcomed: "ready", "session-ended": "connecting", "stop-asked": "draining" },
  ready: { "session-ended": "connecting", "stop-asked": "draining" },
  draining: { "session-ended": "draining", drained: "stopped" },
  stopped: {},
};

/** The next state; the same one for an event that means nothing there. Diagram: lifecycle.md. */
export function transition(state: AgentState, event: LifecycleEvent): AgentState {
  return TRANSITIONS[state][event.type] ?? state;
}
