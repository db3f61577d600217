import { defineErrors, type ErrorCode } from "../platform/index.ts";

export const buildsErrors: Record<BuildsCode, ErrorCode> = defineErrors({
  WF_BUILD_NOTHING: {
    kind: "precondition",
    title: "No service of the stack is built",
    fix: "Give a service a `build:` with its context among the files of the stack; others need no build.",
  },
  WF_BUILD_UNSUPPORTED: {
    kind: "invalid",
    title: "The build asks for something that cannot be honoured",
    fix: "Change or remove what the violations name.",
  },
  WF_BUILD_UNDER_WAY: {
    kind: "precondition",
    title: "Another build of the stack is under way",
    fix: "Wait for its end, or cancel it with POST …/builds/{build_id}:cancel.",
  },
  WF_BUILD_NO_HOST: {
    kind: "precondition",
    title: "No host can build the stack",
    fix: "Connect and approve a host of the stack's placement, or name a connected host with host_id.",
  },
  WF_BUILD_TOO_LARGE: {
    kind: "tooLarge",
    title: "The build context is too large",
    fix: "Leave out what the build does not need with a .dockerignore, and attach large files instead of sending their text.",
  },
});

type BuildsCode =
  | "WF_BUILD_NOTHING"
  | "WF_BUILD_UNSUPPORTED"
  | "WF_BUILD_UNDER_WAY"
  | "WF_BUILD_NO_HOST"
  | "WF_BUILD_TOO_LARGE";
