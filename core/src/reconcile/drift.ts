import type { DesiredStack } from "./desired.ts";
import type { HealRecord } from "./healing.ts";
import type { ObservedWorld } from "./observed.ts";
import type { Replacement } from "./replacement.ts";
import { sharedServices } from "./service-shape.ts";
import type { Plan, Step } from "./steps.ts";

/** What a host had converged on: what differs from it later is drift. */
export interface Settled {
  readonly stackId: string;
  readonly revision: number;
  /** The {@link DesiredStack.attempt}; empty when it has none. */
  readonly attempt: string;
  /** {@link policyKey} of the policy then: what another one changes is asked for. */
  readonly policy: string;
  /** The {@link DesiredStack.correct} that was acted on; empty when there was none. */
  readonly corrected: string;
}

/** A plan without what may not be done, and what nobody asked for. */
export interface SortedPlan {
  readonly plan: Plan;
  /** By stack, in the plan's order: steps that put right what nobody asked for. */
  readonly drift: ReadonlyMap<string, readonly Step[]>;
}

/** Changes with what a policy makes of containers. */
export function policyKey(stack: Pick<DesiredStack, "policy">): string {
  const rules = Object.entries(stack.policy?.heal ?? {}).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return rules.map(([service, { action }]) => `${service}=${action}`).join(" ");
}

/**
 * Tells the steps apart that nobody asked for, and holds them back where the stack's policy is to report. A container that ended by
 * itself is not drift: its start, its hooks and what its heal rule does go on.
 */
export function sortDrift(
  plan: Plan,
  observed: ObservedWorld,
  stacks: readonly DesiredStack[],
  settled: readonly Settled[],
  heals: readonly HealRecord[] = [],
  begun: readonly Replacement[] = [],
): SortedPlan {
  const drift = new Map<string, readonly Step[]>();
  const heldBack = new Set<string>();
  const healed = healedPlaces(observed, heals);
  for (const stack of stacks) {
    const known = settled.find((one) => isSettledOn(one, stack));
    if (known === undefined) continue;
    const own = plan.steps.filter((step) => step.stackId === stack.stackId);
    const mended = mendedPlaces(stack, own, healed, begun);
    const healing = new Set(own.flatMap((step) => (isOf(mended, step) ? [step.id, ...step.dependsOn] : [])));
    const steps = own.filter((step) => !healing.has(step.id) && isDrift(step, stack, known));
    if (steps.length === 0) continue;
    drift.set(stack.stackId, steps);
    if (stack.policy?.reportDrift !== true || isCorrecting(known, stack)) continue;
    for (const step of steps) heldBack.add(step.id);
    // In the plan's order what is waited for comes first, so that one look finds all that wait for a step that is held back.
    for (const step of own) if (step.dependsOn.some((id) => heldBack.has(id))) heldBack.add(step.id);
  }
  if (heldBack.size === 0) return { plan, drift };
  const isKept = ({ stackId }: { readonly stackId: string }): boolean =>
    !(drift.has(stackId) && plan.steps.some((step) => step.stackId === stackId && heldBack.has(step.id)));
  return {
    plan: {
      ...plan,
      steps: plan.steps.filter((step) => !heldBack.has(step.id)),
      downtime: plan.downtime.filter(isKept),
      // What is not begun takes nobody's place.
      replacements: plan.replacements.filter((known) => known.failure !== undefined || isKept(known)),
    },
    drift,
  };
}

/** Whether it is what the stack has to be: of the same revision and attempt. */
export function isSettledOn(settled: Settled, stack: DesiredStack): boolean {
  return (
    settled.stackId === stack.stackId &&
    settled.revision === stack.revision &&
    settled.attempt === (stack.attempt ?? "")
  );
}

/** Somebody asked to put right what is reported, and it is not done yet. */
export function isCorrecting(settled: Settled, stack: DesiredStack): boolean {
  return settled.corrected !== (stack.correct ?? "");
}

function isDrift(step: Step, stack: DesiredStack, settled: Settled): boolean {
  switch (step.op) {
    case "start-container":
    case "run-hook":
      // Of one that is there: it ended, or its engine did. One that is missing is made by a step that is drift.
      return step.containerId === undefined;
    case "restart-container":
    case "wait":
      return false;
    case "set-restart-policy":
      return settled.policy === policyKey(stack);
    default:
      return true;
  }
}

/** Names of containers that a heal rule mends now; one that is made anew may be gone already. */
function healedPlaces(observed: ObservedWorld, heals: readonly HealRecord[]): ReadonlySet<string> {
  const acting = observed.containers.flatMap(({ healing, name }) => (healing?.state === "acting" ? [name] : []));
  return new Set([...acting, ...heals.flatMap(({ remaking }) => remaking ?? [])]);
}

/** With the places that go with those: what shares a container is made anew with it, for as long as that takes. */
function mendedPlaces(
  { stackId, model }: DesiredStack,
  own: readonly Step[],
  healed: ReadonlySet<string>,
  begun: readonly Replacement[],
): ReadonlySet<string> {
  const sharing = Object.entries(model.services).filter(([, service]) => sharedServices(service).length > 0);
  if (sharing.length === 0) return healed;
  const replaced = new Set(
    begun.flatMap((one) => (one.stackId === stackId && one.failure === undefined ? one.slot : [])),
  );
  const services = new Set(own.flatMap((step) => (isOf(healed, step) ? (step.service ?? []) : [])));
  // What shares what shares: each round finds one link of a chain more.
  for (const _round of sharing)
    for (const [name, service] of sharing)
      if (sharedServices(service).some((other) => services.has(other))) services.add(name);
  const sharers = new Set(sharing.map(([name]) => name));
  const places = own.flatMap((step) => {
    if (!("slot" in step) || step.service === undefined || !sharers.has(step.service)) return [];
    return services.has(step.service) || replaced.has(step.slot) ? [step.slot] : [];
  });
  return new Set([...healed, ...places]);
}

function isOf(places: ReadonlySet<string>, step: Step): boolean {
  return "slot" in step && places.has(step.slot);
}
