import { describeStep, type Step } from "@windflow/core";
import type { ToldStep } from "./options.ts";

const MAX_CAUSE_CHARACTERS = 200;

/** A step as people are told of it. */
export function toldStep(step: Step): ToldStep {
  return {
    op: step.op,
    target: describeStep(step).slice(step.op.length + 1),
    cause: step.cause.slice(0, MAX_CAUSE_CHARACTERS),
    service: step.service ?? "",
  };
}
