import { commonErrors, ProblemError } from "./errors.ts";

/** On whose behalf a use case runs. Every service call takes one. */
export interface Caller {
  readonly kind: "user" | "token" | "host" | "system" | "anonymous";
  /** Id of the user, token or host; the name of the part for the system. */
  readonly id: string;
  /** For people to read: an e-mail address, a token's name. */
  readonly name: string;
  /** Empty only for an anonymous caller, who can open no unit of work. */
  readonly organizationId: string;
  readonly permissions: ReadonlySet<string>;
  readonly remoteAddress: string;
  readonly requestId: string;
}

/** The control plane itself, at work in one organization; `part` names what acts, e.g. "rollouts". */
export function systemCaller(part: string, organizationId: string): Caller {
  return {
    kind: "system",
    id: part,
    name: part,
    organizationId,
    permissions: new Set(),
    remoteAddress: "",
    requestId: "",
  };
}

export function mayDo(caller: Caller, permission: string): boolean {
  return caller.kind === "system" || caller.permissions.has(permission);
}

/**
 * For rights that depend on what is asked (a privileged stack, a host's shell); the method's own permission has been
 * checked before. Throws WF_PERMISSION_DENIED.
 */
export function requirePermission(caller: Caller, permission: string): void {
  if (mayDo(caller, permission)) return;
  throw new ProblemError({
    code: commonErrors.WF_PERMISSION_DENIED,
    detail: `this needs the permission ${permission}`,
  });
}
