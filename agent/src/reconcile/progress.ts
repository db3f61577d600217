import { describeStep, type Step } from "@windflow/core";
import type { PullProgress } from "./engine.ts";
import type { ProgressEvent, ReconcilerOptions } from "./options.ts";

// Engines tell of a pull many times a second; people read slower.
const PULL_REPORT_MS = 200;

/** Tells how steps go, and keeps how far each pull is. */
export interface Progress {
  /** By step id, of the pulls in flight. */
  readonly pulls: ReadonlyMap<string, PullProgress>;
  tell(step: Step, phase: ProgressEvent["phase"], error?: string): void;
  onPull(step: Step, pull: PullProgress): void;
}

export function createProgress(options: Pick<ReconcilerOptions, "clock" | "desired" | "onProgress">): Progress {
  const { clock } = options;
  const pulls = new Map<string, PullProgress>();
  const toldAt = new Map<string, number>();

  const tell: Progress["tell"] = (step, phase, error) => {
    const pull = pulls.get(step.id);
    options.onProgress({
      at: clock.now(),
      stackId: step.stackId,
      revision: options.desired()?.stacks.find(({ stackId }) => stackId === step.stackId)?.revision ?? 0,
      ...(step.service === undefined ? {} : { service: step.service }),
      stepId: step.id,
      op: step.op,
      phase,
      text: describeStep(step),
      ...(error === undefined ? {} : { error }),
      ...(pull && (step.op === "pull-image" || step.op === "load-image")
        ? { pull: { ...pull, reference: step.reference } }
        : {}),
    });
    if (phase === "done" || phase === "failed") {
      pulls.delete(step.id);
      toldAt.delete(step.id);
    }
  };
  return {
    pulls,
    tell,
    onPull(step, pull) {
      pulls.set(step.id, pull);
      if (clock.now() - (toldAt.get(step.id) ?? 0) < PULL_REPORT_MS) return;
      toldAt.set(step.id, clock.now());
      tell(step, "progress");
    },
  };
}
