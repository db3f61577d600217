import { defineErrors, type ErrorCode } from "../platform/index.ts";

export const adoptionErrors: Record<AdoptionCode, ErrorCode> = defineErrors({
  WF_ADOPTION_CHANGES: {
    kind: "precondition",
    title: "The adoption would change what runs",
    fix: "Adopt with the files that the project was started with, or without files; or accept the changes that the violations name, each a step of the plan.",
  },
  WF_ADOPTION_REFUSED: {
    kind: "precondition",
    title: "The host does not take the project over",
    fix: "Mend what the detail says; the containers go on running as they are.",
  },
  WF_NAME_TAKEN: {
    kind: "exists",
    title: "There is a stack of this name already",
    fix: "Give the adopted stack another name as stack_name; the project keeps its own on the host.",
  },
});

type AdoptionCode = "WF_ADOPTION_CHANGES" | "WF_ADOPTION_REFUSED" | "WF_NAME_TAKEN";
