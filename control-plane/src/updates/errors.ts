import { defineErrors, type ErrorCode } from "../platform/index.ts";

export const updatesErrors: Record<UpdatesCode, ErrorCode> = defineErrors({
  WF_UPDATE_RELEASE_UNKNOWN: {
    kind: "notFound",
    title: "This control plane has no files of that release",
    fix: "Put the release's folder below one of the install folders (--install), then list the releases again.",
  },
  WF_UPDATE_RELEASE_UNUSABLE: {
    kind: "precondition",
    title: "The release cannot be given to hosts",
    fix: "The detail says what is wrong with its files: copy the whole release folder again, signature included.",
  },
  WF_UPDATE_NO_HOST: {
    kind: "precondition",
    title: "The update is about no host that can take it",
    fix: "Plan the update: it says for each host why it cannot, or that it runs the release already.",
  },
  WF_UPDATE_PERMIT_INVALID: {
    kind: "invalid",
    title: "The permit for an older version cannot be read",
    fix: "Give the text as the release key's owner made it: two parts of base64 with a dot between them.",
  },
  WF_UPDATE_ENDED: {
    kind: "precondition",
    title: "The update has ended already",
    fix: "Start a new update to change what agents the hosts run.",
  },
  WF_UPDATE_NOTHING_FAILED: {
    kind: "precondition",
    title: "No host of the update has failed",
    fix: "Read the update again; hosts that went back, did not take it, or gave no news are tried again.",
  },
  WF_UPDATE_FETCHED_ANEW: {
    kind: "conflict",
    title: "The host has begun to fetch its release again",
    fix: "Nothing: the newer fetch goes on. If it repeats, two programs use the host's key.",
  },
  WF_UPDATE_WAVE_NOT_WAITING: {
    kind: "precondition",
    title: "That wave of the update does not wait for approval now",
    fix: "Read the update again and approve the wave that is shown as awaiting approval, if one is.",
  },
});

type UpdatesCode =
  | "WF_UPDATE_RELEASE_UNKNOWN"
  | "WF_UPDATE_RELEASE_UNUSABLE"
  | "WF_UPDATE_NO_HOST"
  | "WF_UPDATE_PERMIT_INVALID"
  | "WF_UPDATE_ENDED"
  | "WF_UPDATE_NOTHING_FAILED"
  | "WF_UPDATE_FETCHED_ANEW"
  | "WF_UPDATE_WAVE_NOT_WAITING";
