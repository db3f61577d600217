import { defineErrors, type ErrorCode } from "../platform/index.ts";

export type HostsCode =
  | "WF_ENROLLMENT_TOKEN_UNKNOWN"
  | "WF_ENROLLMENT_TOKEN_EXPIRED"
  | "WF_ENROLLMENT_TOKEN_USED_UP"
  | "WF_ENROLLMENT_TOKEN_REVOKED"
  | "WF_ENROLLMENT_RATE_LIMITED"
  | "WF_CERTIFICATE_REQUEST_INVALID"
  | "WF_HOST_KEY_ENROLLED"
  | "WF_HOST_KEY_CHANGED"
  | "WF_HOST_KEY_UNKNOWN"
  | "WF_HOST_REVOKED"
  | "WF_HOST_CERTIFICATE_INVALID"
  | "WF_HOST_CERTIFICATE_EXPIRED"
  | "WF_HOST_IN_USE"
  | "WF_HOST_NOT_WAITING"
  | "WF_HOST_NOT_QUARANTINED"
  | "WF_HOST_FILTER_INVALID"
  | "WF_LABEL_INVALID"
  | "WF_SAVED_VIEWS_FULL";

/** What can go wrong with hosts and with letting them in. */
export const hostsErrors: Record<HostsCode, ErrorCode> = defineErrors({
  WF_ENROLLMENT_TOKEN_UNKNOWN: {
    kind: "unauthenticated",
    title: "There is no such enrolment token",
    fix: "Copy the whole line again, or make a new token on the page Hosts, Add a host.",
  },
  WF_ENROLLMENT_TOKEN_EXPIRED: {
    kind: "unauthenticated",
    title: "The enrolment token has expired",
    fix: "Make a new token on the page Hosts, Add a host.",
  },
  WF_ENROLLMENT_TOKEN_USED_UP: {
    kind: "unauthenticated",
    title: "The enrolment token has been used as often as it may be",
    fix: "Make a new token, with more uses if several hosts share it.",
  },
  WF_ENROLLMENT_TOKEN_REVOKED: {
    kind: "unauthenticated",
    title: "The enrolment token was revoked",
    fix: "Ask who revoked it, or make a new token.",
  },
  WF_ENROLLMENT_RATE_LIMITED: {
    kind: "exhausted",
    title: "Too many enrolments were refused for this address",
    fix: "Wait a minute, check the token, and try again.",
  },
  WF_CERTIFICATE_REQUEST_INVALID: {
    kind: "invalid",
    title: "The certificate request is not valid",
    fix: "Run the enrolment with the agent of this version; it makes the key and the request itself.",
  },
  WF_HOST_KEY_ENROLLED: {
    kind: "exists",
    title: "The host's key is enrolled already",
    fix: "Start the agent, or remove its state directory first to enrol it as a new host.",
  },
  WF_HOST_KEY_CHANGED: {
    kind: "invalid",
    title: "A certificate is renewed for the key that the host enrolled with",
    fix: "Send the request for the same key; for a new key, enrol the host again with a token.",
  },
  WF_HOST_KEY_UNKNOWN: {
    kind: "unauthenticated",
    title: "The host's key is not enrolled here",
    fix: "The host was deleted, or the database is older than the host: enrol it again with a new token.",
  },
  WF_HOST_REVOKED: {
    kind: "forbidden",
    title: "The host was revoked",
    fix: "Ask an operator why; to let the machine in again, remove the agent's state directory and enrol it anew.",
  },
  WF_HOST_CERTIFICATE_INVALID: {
    kind: "unauthenticated",
    title: "The host's certificate is not one of ours",
    fix: "Check with `windflow-agent doctor` that the agent talks to the control plane that it was enrolled at.",
  },
  WF_HOST_CERTIFICATE_EXPIRED: {
    kind: "unauthenticated",
    title: "The host's certificate has expired",
    fix: "The agent renews it by itself; check the clock of the host.",
  },
  WF_HOST_IN_USE: {
    kind: "precondition",
    title: "Only a revoked host, or one that was never seen, can be deleted",
    fix: "Revoke the host first.",
  },
  WF_HOST_NOT_WAITING: {
    kind: "precondition",
    title: "The host does not wait for approval",
    fix: "Nothing is left to decide: change its labels on its page, or revoke it there.",
  },
  WF_HOST_NOT_QUARANTINED: {
    kind: "precondition",
    title: "The host is not quarantined: one machine uses its key",
    fix: "Nothing is to be decided; look at the host's page for its machines.",
  },
  WF_HOST_FILTER_INVALID: {
    kind: "invalid",
    title: "The filter or the order cannot be understood",
    fix: "Use words, label=value, presence=online, health=failed, drifted=yes, waiting=yes, agent=VERSION, update=failed, stack=NAME or environment=NAME; order by name, presence, last_seen_at, cpu_percent or memory_percent.",
  },
  WF_LABEL_INVALID: {
    kind: "invalid",
    title: "A label is not valid",
    fix: "Keys have letters, digits, dots, dashes, underscores and slashes; keys that begin with fact/ belong to the host's own report.",
  },
  WF_SAVED_VIEWS_FULL: {
    kind: "precondition",
    title: "You keep as many views as one person may keep",
    fix: "Delete views that you no longer use.",
  },
});
