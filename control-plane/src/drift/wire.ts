import { Drift_State, Problem_Severity, type Drift as DriftMessage, type Problem } from "@windflow/proto/api";
import type { AcceptNote } from "./accept-model.ts";
import { driftLines, type Drift, type DriftState } from "./model.ts";

const states: Record<DriftState, Drift_State> = {
  open: Drift_State.STATE_OPEN,
  correcting: Drift_State.STATE_CORRECTING,
  corrected: Drift_State.STATE_CORRECTED,
  accepted: Drift_State.STATE_ACCEPTED,
  gone: Drift_State.STATE_GONE,
};

export function driftMessage(
  drift: Drift,
  names: { readonly stackName: string; readonly hostName: string },
): DriftMessage {
  const { id, stackId, hostId, revision, foundAt, endedAt, endedBy, problem } = drift;
  return {
    id,
    stackId,
    hostId,
    ...names,
    revision,
    state: states[drift.state],
    steps: drift.steps.map((step) => ({ ...step, dependsOn: [] })),
    text: driftLines(drift.steps).join("\n"),
    foundAt,
    endedAt,
    endedBy,
    problem,
  };
}

export function noteMessage({ keyPath, what, fix }: AcceptNote): Problem {
  const severity = Problem_Severity.SEVERITY_WARNING;
  return { severity, code: "WF_NOT_RECONSTRUCTED", file: "", line: 0, column: 0, keyPath, what, why: "", fix };
}
