import { commonErrors, ProblemError, type Caller } from "../platform/index.ts";
import type { Access } from "./catalog.ts";
import type { Principal } from "./handlers.ts";

export interface AccessQuestion {
  /** What the method declares; undefined is refused. */
  access: Access | undefined;
  method: string;
  principal: Principal | undefined;
  /** What the request names: an organization's id or name. */
  organization: string | undefined;
  remoteAddress: string;
  requestId: string;
}

/** These work for somebody whose first password must be changed; nothing else does. */
const BEFORE_PASSWORD_CHANGE = new Set([
  "/windflow.api.v1.AuthService/GetMe",
  "/windflow.api.v1.AuthService/ChangePassword",
  "/windflow.api.v1.AuthService/SignOut",
]);

/** The one place where it is decided who may call what. Throws the problem for everybody else. */
export function authorize(question: AccessQuestion): Caller {
  const { access, principal, method } = question;
  if (access === undefined) {
    throw new ProblemError({
      code: commonErrors.WF_PERMISSION_DENIED,
      detail: `${method} does not declare who may call it`,
    });
  }
  if (access.rule === "public") return anonymous(question);
  if (principal === undefined) throw new ProblemError({ code: commonErrors.WF_UNAUTHENTICATED });
  if (principal.mustChangePassword && !BEFORE_PASSWORD_CHANGE.has(method)) {
    throw new ProblemError({ code: commonErrors.WF_PASSWORD_CHANGE_REQUIRED });
  }
  if (access.rule === "signedIn") return callerIn(question, principal, principal.memberships[0]);
  return withPermission(question, principal, access.permission);
}

function withPermission(question: AccessQuestion, principal: Principal, permission: string): Caller {
  const { organization } = question;
  if (organization === undefined || organization === "") {
    throw new ProblemError({
      code: commonErrors.WF_INVALID_ARGUMENT,
      detail: "the request names no organization",
      violations: [{ path: "organization", message: "is required" }],
    });
  }
  const membership = principal.memberships.find(
    (one) => one.organizationId === organization || one.organizationName === organization,
  );
  // The same answer for an organization that does not exist: nobody learns which ones there are.
  if (membership === undefined) {
    throw new ProblemError({
      code: commonErrors.WF_NOT_FOUND,
      detail: `there is no organization "${organization}" that you belong to`,
    });
  }
  if (!membership.permissions.has(permission)) {
    throw new ProblemError({
      code: commonErrors.WF_PERMISSION_DENIED,
      detail: `this needs the permission ${permission}`,
    });
  }
  return callerIn(question, principal, membership);
}

function callerIn(
  question: AccessQuestion,
  principal: Principal,
  membership: Principal["memberships"][number] | undefined,
): Caller {
  return {
    kind: principal.kind,
    id: principal.id,
    name: principal.name,
    organizationId: membership?.organizationId ?? "",
    permissions: membership?.permissions ?? new Set(),
    remoteAddress: question.remoteAddress,
    requestId: question.requestId,
  };
}

function anonymous(question: AccessQuestion): Caller {
  return {
    kind: "anonymous",
    id: "",
    name: "",
    organizationId: "",
    permissions: new Set(),
    remoteAddress: question.remoteAddress,
    requestId: question.requestId,
  };
}
