import { defineErrors, type ErrorCode } from "../platform/index.ts";

export const stacksErrors: Record<StacksCode, ErrorCode> = defineErrors({
  WF_STACK_INVALID: {
    kind: "invalid",
    title: "The files of the stack have errors",
    fix: "Correct what the violations name, each with its file, line and column; POST …/stacks:render checks without storing.",
  },
  WF_STACK_PRIVILEGED: {
    kind: "forbidden",
    title: "The stack can become root on its hosts",
    fix: "Take the named keys out of the compose files, or ask somebody with the permission stacks.deploy.privileged.",
  },
  WF_STACK_DELETING: {
    kind: "precondition",
    title: "The stack is being deleted",
    fix: "Wait until it is off its hosts, then create it again under the same name.",
  },
  WF_STACK_NO_REVISION: {
    kind: "precondition",
    title: "The stack has no revision yet",
    fix: "Create a revision with its compose file first.",
  },
  WF_BUILD_NEEDED: {
    kind: "precondition",
    title: "An image of the stack is not built from this source yet",
    fix: "Build it with POST …/stacks/{stack_id}/builds and the same source, then create the revision again.",
  },
  WF_STACK_FACT_SELECTOR: {
    kind: "precondition",
    title: "A stack with secrets cannot be placed by what hosts report of themselves",
    fix: "Select by labels that a person gave to the hosts, or name the hosts.",
  },
});

type StacksCode =
  | "WF_STACK_INVALID"
  | "WF_STACK_PRIVILEGED"
  | "WF_STACK_DELETING"
  | "WF_STACK_NO_REVISION"
  | "WF_BUILD_NEEDED"
  | "WF_STACK_FACT_SELECTOR";
