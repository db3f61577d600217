import { defineErrors, type ErrorCode } from "../platform/index.ts";

export const driftErrors: Record<DriftCode, ErrorCode> = defineErrors({
  WF_DRIFT_ENDED: {
    kind: "precondition",
    title: "The difference is not there any more, or is being put right already",
    fix: "Read the list of drifts again; what was put right or accepted needs nothing more.",
  },
  WF_DRIFT_NOT_ACCEPTED: {
    kind: "precondition",
    title: "What the host has cannot be made a revision",
    fix: "Do what the detail names; or correct the difference, and write the change into the compose file by hand.",
  },
});

type DriftCode = "WF_DRIFT_ENDED" | "WF_DRIFT_NOT_ACCEPTED";
