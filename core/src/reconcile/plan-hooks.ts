import type { ComposeHook, ComposeService } from "../compose/model.ts";
import { hooksOf, type HookPhase } from "./hooks.ts";
import type { ObservedContainer } from "./observed.ts";
import type { PlanDraft } from "./plan-draft.ts";
import { stepId } from "./step-ids.ts";

/** What the hooks of one container have in common with the step that they belong to. */
export interface HookFrame {
  readonly stackId: string;
  readonly service: string;
  readonly slot: string;
  readonly lock: string;
  /** Absent when a step before creates it. */
  readonly containerId?: string;
}

/** Adds the hooks that come before the stop of a container that runs; gives back what the stop has to wait for. */
export function emitPreStop(
  draft: PlanDraft,
  frame: Omit<HookFrame, "containerId">,
  container: ObservedContainer,
  service: ComposeService | undefined,
  dependsOn: readonly string[],
): readonly string[] {
  // In a paused or restarting container nothing can be run.
  if (container.state !== "running") return dependsOn;
  const hooks = hooksOf("pre_stop", container, service);
  const own = { ...frame, containerId: container.id };
  return emitHooks(draft, own, "pre_stop", hooks, 0, "it is to be stopped", dependsOn);
}

/** Adds the hooks that come after a start, from the first that is still due; gives back the step after which all have run. */
export function emitPostStart(
  draft: PlanDraft,
  frame: HookFrame,
  hooks: readonly ComposeHook[],
  from: number,
  dependsOn: readonly string[],
): readonly string[] {
  const cause = dependsOn.length === 0 ? "it was started, and this has not run yet" : "it is to be started";
  return emitHooks(draft, frame, "post_start", hooks, from, cause, dependsOn);
}

function emitHooks(
  draft: PlanDraft,
  frame: HookFrame,
  phase: HookPhase,
  hooks: readonly ComposeHook[],
  from: number,
  cause: string,
  dependsOn: readonly string[],
): readonly string[] {
  return hooks.slice(from).reduce<readonly string[]>(
    (before, hook, i) => [
      draft.add({
        ...frame,
        op: "run-hook",
        id: stepId.hook(frame.slot, frame.containerId, phase, from + i),
        phase,
        index: from + i,
        hook,
        isLast: from + i + 1 === hooks.length,
        cause,
        dependsOn: before,
      }),
    ],
    dependsOn,
  );
}
