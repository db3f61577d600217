/** Where one difference stands. `correcting`: the host puts it right, by policy or since somebody asked for it. */
export type DriftState = "open" | "correcting" | "corrected" | "accepted" | "gone";

/** A step that would put it right. */
export interface DriftStep {
  readonly op: string;
  readonly target: string;
  readonly cause: string;
  /** Empty for what belongs to no service. */
  readonly service: string;
}

/** What one host had that nobody asked for, of one stack. */
export interface Drift {
  readonly id: string;
  readonly organizationId: string;
  readonly stackId: string;
  readonly hostId: string;
  readonly revision: number;
  readonly state: DriftState;
  readonly steps: readonly DriftStep[];
  /** Why it could not be put right; empty when nothing stands in the way. */
  readonly problem: string;
  /** The value of the desired state's `correct` that asks the host for it; empty when nobody has asked. */
  readonly asked: string;
  readonly askedBy: string;
  readonly foundAt: Date;
  readonly endedAt?: Date;
  /** Who corrected or accepted it; empty for the host itself. */
  readonly endedBy: string;
}

// Steps come from a host: what a page can show of them, and a row can hold.
const MAX_STEPS = 50;
const MAX_TEXT_CHARACTERS = 500;

export function boundedSteps(steps: readonly DriftStep[]): DriftStep[] {
  const text = (value: string): string => value.replaceAll("\0", "").slice(0, MAX_TEXT_CHARACTERS);
  return steps.slice(0, MAX_STEPS).map(({ op, target, cause, service }) => ({
    op: text(op),
    target: text(target),
    cause: text(cause),
    service: text(service),
  }));
}

/** One line a step, as plans are shown. */
export function driftLines(steps: readonly DriftStep[]): string[] {
  return boundedSteps(steps).map(({ op, target, cause }) => `${op} ${target}: ${cause}`);
}

/** Whether two plans do the same; why they do may be told in other words, e.g. with a time in them. */
export function sameSteps(left: readonly DriftStep[], right: readonly DriftStep[]): boolean {
  const key = ({ op, target, service }: DriftStep): string => JSON.stringify([op, target, service]);
  return left.length === right.length && left.every((step, i) => key(step) === key(right[i] ?? step));
}
