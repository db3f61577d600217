import { defineErrors, type ErrorCode } from "../platform/index.ts";

type Code = "WF_SIGN_IN_FAILED" | "WF_FIRST_PASSWORD_EXPIRED" | "WF_PASSWORD_REFUSED" | "WF_PERMISSION_NOT_HELD";

export const identityErrors: Record<Code, ErrorCode> = defineErrors({
  WF_SIGN_IN_FAILED: {
    kind: "unauthenticated",
    title: "The e-mail address or the password is wrong",
    fix: "Try again; after a while of wrong ones you have to wait a minute.",
  },
  WF_FIRST_PASSWORD_EXPIRED: {
    kind: "unauthenticated",
    title: "The first password was not used within 24 hours",
    fix: "On the machine of the control plane, start it once with --reset-admin-password; it prints a new one.",
  },
  WF_PASSWORD_REFUSED: {
    kind: "invalid",
    title: "The new password is not accepted",
    fix: "Choose one of at least 12 characters that is not the old one and does not contain your address.",
  },
  WF_PERMISSION_NOT_HELD: {
    kind: "forbidden",
    title: "You cannot give away a permission that you do not have",
    fix: "Leave out the permissions that are named in violations.",
  },
});
