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
  WF_ROLLOUT_GOES_BACK: {
    kind: "precondition",
    title: "The rollout is bringing its hosts back to what ran before",
    fix: "Wait until it has, or start a new rollout: it supersedes this one.",
  },
  WF_ROLLOUT_NEWER: {
    kind: "precondition",
    title: "A newer rollout of the stack began since",
    fix: "Act on the newest rollout of the stack, or start a new one with the revision that you want.",
  },
  WF_ROLLOUT_NOTHING_FAILED: {
    kind: "precondition",
    title: "None of these hosts has failed in the rollout",
    fix: "Read the rollout again; only hosts in the states failed and rollback-failed are tried again.",
  },
  WF_ROLLOUT_WAVE_NOT_WAITING: {
    kind: "precondition",
    title: "That wave does not wait for approval now",
    fix: "Read the rollout again and approve the wave that is shown as awaiting approval, if one is.",
  },
});

type RolloutsCode =
  | "WF_ROLLOUT_NO_HOST"
  | "WF_ROLLOUT_ENDED"
  | "WF_ROLLOUT_GOES_BACK"
  | "WF_ROLLOUT_NEWER"
  | "WF_ROLLOUT_NOTHING_FAILED"
  | "WF_ROLLOUT_WAVE_NOT_WAITING";
