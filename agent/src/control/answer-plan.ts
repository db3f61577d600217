import { type DesiredWorld, describeStep } from "@windflow/core";
import type { PlanReply, PlanRequest, PlannedStep } from "@windflow/proto/agent";
import type { PlanAnswer, Reconciler } from "../reconcile/options.ts";
import { reasonOf } from "../platform/log.ts";
import { decodeBody } from "../state/body-files.ts";
import type { DesiredStore } from "../state/desired-store.ts";

/** Answers what would be done for a body, or for the removal of a stack. What goes wrong is part of the answer. */
export async function planReply(request: PlanRequest, store: DesiredStore, loop: Reconciler): Promise<PlanReply> {
  const empty: PlanReply = {
    requestId: request.requestId,
    steps: [],
    text: "",
    observedAt: undefined,
    expectedDowntimeSeconds: {},
    problem: "",
  };
  try {
    if (request.body.length === 0) {
      const plan = await loop.planFor(without(store.world(), request.stackId));
      return { ...empty, ...wirePlan(plan) };
    }
    const asked = store.preview(decodeBody(request.body, "to plan for"));
    // An adopted stack keeps its containers in the preview of its next revision.
    const known = store.world()?.stacks.find((stack) => stack.stackId === asked.stackId)?.adopted ?? [];
    const stack = { ...asked, adopted: [...new Set([...known, ...request.adoptedContainerIds])] };
    const refused = store.refusal(stack);
    if (refused !== undefined) return { ...empty, problem: refused };
    return { ...empty, ...wirePlan(await loop.planFor(stack)) };
  } catch (error) {
    return { ...empty, problem: reasonOf(error) };
  }
}

function without(world: DesiredWorld | undefined, stackId: string): DesiredWorld {
  if (world === undefined) return { organizationId: "", generation: "0.0", stacks: [] };
  return { ...world, stacks: world.stacks.filter((stack) => stack.stackId !== stackId) };
}

function wirePlan(plan: PlanAnswer): Omit<PlanReply, "requestId" | "problem"> {
  const numbers = new Map(plan.steps.map((step, i) => [step.id, i]));
  const steps = plan.steps.map((step): PlannedStep => ({
    op: step.op,
    target: describeStep(step).slice(step.op.length + 1),
    cause: step.cause,
    service: step.service ?? "",
    dependsOn: step.dependsOn.flatMap((id) => numbers.get(id) ?? []),
  }));
  const away = plan.downtime.filter((entry) => entry.expected);
  return {
    steps,
    text: plan.text,
    observedAt: new Date(plan.observedAt),
    expectedDowntimeSeconds: Object.fromEntries(
      away.toSorted((a, b) => a.seconds - b.seconds).map((entry) => [entry.service, entry.seconds]),
    ),
  };
}
