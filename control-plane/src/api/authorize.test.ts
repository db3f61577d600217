import { expect, test } from "vitest";
import { ProblemError } from "../platform/index.ts";
import { authorize, type AccessQuestion } from "./authorize.ts";
import type { Principal } from "./handlers.ts";

const principal: Principal = {
  kind: "user",
  id: "usr_1",
  name: "ada@example",
  userId: "usr_1",
  sessionId: "ses_1",
  mustChangePassword: false,
  memberships: [
    { organizationId: "org_1", organizationName: "default", permissions: new Set(["hosts.read"]) },
    { organizationId: "org_2", organizationName: "other", permissions: new Set() },
  ],
};
const question: AccessQuestion = {
  access: { rule: "permission", permission: "hosts.read" },
  method: "/windflow.api.v1.HostsService/GetHost",
  principal,
  organization: "default",
  remoteAddress: "",
  requestId: "req_1",
};

function outcome(change: Partial<AccessQuestion>): string {
  try {
    const caller = authorize({ ...question, ...change });
    return `${caller.kind} ${caller.id} in ${caller.organizationId} may ${[...caller.permissions].join()}`;
  } catch (error) {
    return error instanceof ProblemError ? error.code.code : "?";
  }
}

test("who may call what", () => {
  expect(outcome({})).toBe("user usr_1 in org_1 may hosts.read");
  expect(outcome({ organization: "org_1" })).toBe("user usr_1 in org_1 may hosts.read");
  expect(outcome({ organization: "org_2" })).toBe("WF_PERMISSION_DENIED");
  expect(outcome({ organization: "org_3" })).toBe("WF_NOT_FOUND");
  expect(outcome({ organization: "" })).toBe("WF_INVALID_ARGUMENT");
  expect(outcome({ organization: undefined })).toBe("WF_INVALID_ARGUMENT");
  expect(outcome({ principal: undefined })).toBe("WF_UNAUTHENTICATED");
  expect(outcome({ access: undefined })).toBe("WF_PERMISSION_DENIED");
  expect(outcome({ access: { rule: "signedIn" }, organization: undefined })).toBe("user usr_1 in org_1 may hosts.read");
  expect(outcome({ access: { rule: "signedIn" }, principal: undefined })).toBe("WF_UNAUTHENTICATED");
  // A public method learns nothing of who calls: it can do nothing in anybody's name.
  expect(outcome({ access: { rule: "public" } })).toBe("anonymous  in  may ");
});

test("a first password that was not changed opens nothing but its change", () => {
  const fresh = { ...principal, mustChangePassword: true };
  expect(outcome({ principal: fresh })).toBe("WF_PASSWORD_CHANGE_REQUIRED");
  expect(
    outcome({ principal: fresh, access: { rule: "signedIn" }, method: "/windflow.api.v1.AuthService/ChangePassword" }),
  ).toContain("usr_1");
});
