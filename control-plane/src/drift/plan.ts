import { sameSteps, type Drift, type DriftState, type DriftStep } from "./model.ts";

/** What a host's report says of one stack; times in the control plane's time. */
export interface DriftReport {
  readonly revision: number;
  readonly steps: readonly DriftStep[];
  /** What stands in the way of the stack; empty when nothing does. */
  readonly problem: string;
  /** The last ask that the host acted on. */
  readonly corrected: string;
  /** When the host looked. */
  readonly at: Date;
  /** Since when something differs, as the host says; absent when it does not say. */
  readonly since?: Date;
}

export interface DriftFacts {
  /** The difference that has not ended. */
  readonly open?: Drift;
  /** The newest that has ended. */
  readonly last?: Drift;
  /** Absent: the host does not report the stack any more. */
  readonly report?: DriftReport;
  readonly policy: "correct" | "report";
}

export type DriftChange =
  | { readonly op: "open"; readonly state: "open" | "correcting"; readonly foundAt: Date; readonly problem: string }
  | { readonly op: "update"; readonly state: "open" | "correcting"; readonly problem: string }
  | { readonly op: "end"; readonly state: "corrected" | "gone" };

/** What a report changes in what is known of a stack's drift on a host; undefined for nothing. Pure. */
export function planDrift({ open, last, report, policy }: DriftFacts): DriftChange | undefined {
  if (report === undefined || report.steps.length === 0) {
    return open === undefined ? undefined : { op: "end", state: endOf(open, report) };
  }
  if (open !== undefined) {
    const next = { state: stateOf(open, report, policy), problem: report.problem };
    const same = next.state === open.state && next.problem === open.problem && report.revision === open.revision;
    return same && sameSteps(open.steps, report.steps) ? undefined : { op: "update", ...next };
  }
  if (last !== undefined && isKnown(last, report)) return undefined;
  const foundAt = report.since === undefined || report.since > report.at ? report.at : report.since;
  return { op: "open", state: policy === "correct" ? "correcting" : "open", foundAt, problem: report.problem };
}

/** What somebody accepted is no news while it stays as it was, nor is a look from before the end of the one before. */
function isKnown(last: Drift, report: DriftReport): boolean {
  if (last.state === "accepted") return last.revision === report.revision && sameSteps(last.steps, report.steps);
  return last.endedAt !== undefined && report.at <= last.endedAt;
}

function stateOf(open: Drift, report: DriftReport, policy: "correct" | "report"): "open" | "correcting" {
  if (open.asked === "") return policy === "correct" ? "correcting" : "open";
  // The host tried what it was asked for, and something stands in the way: it waits for somebody again.
  return report.corrected === open.asked && report.problem !== "" && policy === "report" ? "open" : "correcting";
}

function endOf(open: Drift, report: DriftReport | undefined): Extract<DriftState, "corrected" | "gone"> {
  // Another revision, or none: a rollout did away with it.
  if (report === undefined || report.revision !== open.revision || open.state !== "correcting") return "gone";
  return open.asked === "" || report.corrected === open.asked ? "corrected" : "gone";
}
