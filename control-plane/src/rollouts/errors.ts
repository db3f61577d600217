import { defineErrors, type ErrorCode } from "../platform/index.ts";

export const rolloutsErrors: Record<RolloutsCode, ErrorCode> = defineErrors({
  WF_ROLLOUT_NO_HOST: {
    kind: "precondition",
    title: "The stack belongs on no host",
    fix: "Give the stack a placement that matches at least one approved host, then start the rollout again.",
  },
  WF_ROLLOUT_ENDED: {
    kind: "precondition",
    title: "The rollout has ended already",
    fix: "Start a new rollout to change what the hosts run.",
  },
});

type RolloutsCode = "WF_ROLLOUT_NO_HOST" | "WF_ROLLOUT_ENDED";
