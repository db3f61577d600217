import type { Log } from "../platform/log.ts";
import { explainRevert } from "./explain.ts";
import type { FaultPoint } from "./fault.ts";
import type { OwnBuild } from "./observe.ts";
import type { Slots, Trial } from "./slots.ts";
import { type UpdateStatus, isSettled, saveStatus } from "./status-file.ts";
import { loadTrialNote, saveTrialNote } from "./trial-note.ts";

interface SettleParts {
  readonly slots: Slots;
  readonly stateDir: string;
  readonly status: UpdateStatus | undefined;
  readonly now: number;
  readonly at: FaultPoint;
}

/**
 * Ends what the launcher or an agent before left: each part may be done again, whenever it was cut off.
 * @returns the trial that this agent is on, if it is, and where the last update stands now.
 */
export function settleAtStart(parts: SettleParts & { readonly build: OwnBuild; readonly log: Log }): {
  readonly trial: Trial | undefined;
  readonly status: UpdateStatus | undefined;
} {
  const { slots, status, now } = parts;
  parts.at("settling");
  const proven = slots.proven();
  if (proven?.slot === slots.own) return { trial: undefined, status: settleProof({ ...parts, trial: proven }) };
  const reverted = slots.reverted();
  if (reverted !== undefined) return { trial: undefined, status: settleRevert(parts, reverted) };
  const trial = slots.trial();
  if (trial?.slot === slots.own) {
    // A note of an earlier trial would be taken for this one's.
    if (status?.state !== "proving") saveTrialNote(parts.stateDir, undefined);
    return { trial, status: trial.local ? status : statusOf(trial, "proving", now) };
  }
  // It was cut off before anything was on trial: what came stays, and is gone on with when the control plane says so again.
  if (status !== undefined && !isSettled(status) && status.state === "proving")
    return { trial: undefined, status: { ...status, state: "staged" } };
  return { trial: undefined, status };
}

/** The trial is decided: this slot is made the current one, and the status is durable before the trial is forgotten. */
export function settleProof(parts: SettleParts & { readonly trial: Trial }): UpdateStatus {
  const { at, slots, stateDir, trial, now } = parts;
  slots.makeCurrent();
  const status = trial.local
    ? {
        ...statusOf(trial, "reverted", now),
        code: "WF_UPDATE_LOCAL",
        version: trial.fromVersion,
        fromVersion: trial.version,
        cause: `Root on the host went back from ${trial.fromVersion} to ${trial.version}. Start another update to change it.`,
      }
    : statusOf(trial, "succeeded", now);
  saveStatus(stateDir, status);
  at("proof saved");
  saveTrialNote(stateDir, undefined);
  slots.forgetProven();
  return status;
}

function settleRevert(
  parts: SettleParts & { readonly build: OwnBuild; readonly log: Log },
  { trial, verdict }: NonNullable<ReturnType<Slots["reverted"]>>,
): UpdateStatus | undefined {
  const { at, log, slots, stateDir, now } = parts;
  const explanation = explainRevert(trial, verdict, loadTrialNote(stateDir, trial.updateId));
  // What was said before it was cut off stands: the files that told it may be gone.
  const isSaid = trial.local || (parts.status?.state === "reverted" && parts.status.updateId === trial.updateId);
  const status = isSaid ? parts.status : { ...statusOf(trial, "reverted", now), ...explanation };
  log("warn", "The other agent was not proven, and this one is back.", {
    version: trial.version,
    code: explanation.code,
    reason: explanation.cause,
  });
  saveStatus(stateDir, status);
  at("revert saved");
  saveTrialNote(stateDir, undefined);
  // What failed is no way back.
  slots.removeOther();
  slots.forgetReverted();
  return status;
}

function statusOf(trial: Trial, state: UpdateStatus["state"], at: number): UpdateStatus {
  const { updateId, version, fromVersion } = trial;
  return { updateId, version, fromVersion, state, cause: "", code: "", bytesDone: 0, bytesTotal: 0, at };
}
