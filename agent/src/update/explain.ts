import type { Trial, Verdict } from "./slots.ts";
import type { TrialNote } from "./trial-note.ts";

export type RevertCode =
  | "WF_UPDATE_CANNOT_RUN"
  | "WF_UPDATE_CRASHED"
  | "WF_UPDATE_HUNG"
  | "WF_UPDATE_NO_SESSION"
  | "WF_UPDATE_CONTROL_PLANE_AWAY"
  | "WF_UPDATE_INTERRUPTED";

export interface Explanation {
  readonly code: RevertCode;
  readonly cause: string;
}

const AGAIN = "Start the update again to try once more.";

/** Why the old agent is back, for a person. */
export function explainRevert(trial: Trial, verdict: Verdict, note: TrialNote | undefined): Explanation {
  const { version, fromVersion, proveSeconds, stableSeconds } = trial;
  const back = `${fromVersion} is back`;
  const { code, starts = 1 } = verdict;
  switch (verdict.why) {
    case "cannot-run":
      return {
        code: "WF_UPDATE_CANNOT_RUN",
        cause: `The agent ${version} could not be started${code === undefined ? "" : ` (code ${code})`}; ${back}. Look at the disk of the host: the program ran when it was tried before.`,
      };
    case "ended":
      return {
        code: "WF_UPDATE_CRASHED",
        cause: `The agent ${version} ended ${times(starts)} before it was proven, the last time ${ending(code)} after ${verdict.seconds ?? 0} s; ${back}. Its last lines are in the agent's log on the host.`,
      };
    case "silent":
      if (note === undefined)
        return {
          code: "WF_UPDATE_HUNG",
          cause: `The agent ${version} ran for ${verdict.seconds ?? proveSeconds} s and did not even try to reach the control plane: it hangs. ${back}. Its last lines are in the agent's log on the host.`,
        };
      if (note.sessions > 0)
        return {
          code: "WF_UPDATE_NO_SESSION",
          cause: `The agent ${version} had ${times(note.sessions)} a session, but none that lasted ${stableSeconds} s; the last one ended: ${note.problem || "without a reason"}. ${back}.`,
        };
      return {
        code: "WF_UPDATE_NO_SESSION",
        cause: `The agent ${version} had no session within ${proveSeconds} s: ${note.refused ? "the control plane refused it, " : ""}${note.problem || "its first try took all that time"}. ${back}.`,
      };
    case "interrupted":
      return {
        code: "WF_UPDATE_INTERRUPTED",
        cause: `The host or its service was cut off ${times(starts)} while the agent ${version} was to prove itself; ${back}. ${AGAIN}`,
      };
    case "unreadable":
    case "no-room":
    case "unknown":
      return {
        code: "WF_UPDATE_INTERRUPTED",
        cause: `The agent ${version} was not given a try: ${verdict.why === "no-room" ? "the disk is full or cannot be written" : "the files of the trial cannot be read"}. ${back}. ${AGAIN}`,
      };
  }
}

/** When the old agent does not reach the control plane at first either, the new one may be as good. */
export function explainAway(
  trial: { readonly version: string; readonly fromVersion: string },
  problem: string,
): Explanation {
  return {
    code: "WF_UPDATE_CONTROL_PLANE_AWAY",
    cause: `The agent ${trial.version} had no session, but ${trial.fromVersion}, which is back, did not reach the control plane either (${problem}): nothing is said against ${trial.version}. ${AGAIN}`,
  };
}

function ending(code: number | undefined): string {
  if (code === undefined) return "unobserved";
  return code > 128 ? `by signal ${code - 128}` : `with code ${code}`;
}

function times(count: number): string {
  return count === 1 ? "once" : `${count} times`;
}
