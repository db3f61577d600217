/** Kinds of things that a client can watch. */
export type ResourceKind =
  | "host"
  | "stack"
  | "rollout"
  | "container"
  | "enrollment_token"
  | "registry"
  | "project"
  | "build"
  | "drift"
  | "window"
  | "link-profile"
  | "agent_update"
  | "event";
export type ChangeKind = "created" | "updated" | "deleted";
export type Severity = "info" | "warning" | "error";

/** Something that happened, as it is kept. */
export interface NewEvent {
  organizationId: string;
  at: Date;
  /** `host.online`, `container.die`, `rollout.failed`. */
  type: string;
  /** A sentence for a person. */
  message: string;
  severity: Severity;
  /** A user's or token's name, "system", or "host". */
  actor: string;
  hostId?: string;
  stackId?: string;
  containerId?: string;
}

/** A resource changed: who watches it reads it again. Ids only, so that it may travel between replicas. */
export interface ResourceChange {
  organizationId: string;
  kind: ResourceKind;
  id: string;
  parentId?: string;
  change: ChangeKind;
  /** RFC 3339. */
  at: string;
}

// Texts come from engines and agents too; a row has a limit.
const MAX_MESSAGE_CHARACTERS = 2000;
const MAX_WORD_CHARACTERS = 200;

/** The event with its texts cut to what a row holds, and without NUL, which PostgreSQL's text refuses. */
export function bounded(event: NewEvent): NewEvent {
  const word = (text: string): string => clean(text).slice(0, MAX_WORD_CHARACTERS);
  return {
    organizationId: event.organizationId,
    at: event.at,
    type: word(event.type),
    message: clean(event.message).slice(0, MAX_MESSAGE_CHARACTERS),
    severity: event.severity,
    actor: word(event.actor),
    ...(event.hostId ? { hostId: word(event.hostId) } : {}),
    ...(event.stackId ? { stackId: word(event.stackId) } : {}),
    ...(event.containerId ? { containerId: word(event.containerId) } : {}),
  };
}

/** The word of a report, or "info" for one that is not known: a newer agent may say more. */
export function severityOf(text: string): Severity {
  return text === "warning" || text === "error" ? text : "info";
}

function clean(text: string): string {
  return text.replaceAll("\0", "");
}
