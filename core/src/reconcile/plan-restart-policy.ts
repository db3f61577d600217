import { healRuleOf } from "./healing.ts";
import type { ServicePlanning } from "./plan-service.ts";
import { type RestartPolicy, restartPolicy } from "./restart-policy.ts";
import { stepId } from "./step-ids.ts";
import type { Slot } from "./survey.ts";

// Podman's API takes no update of a container; what it makes has the right policy from its creation on.
const TAKES_NO_UPDATE = /podman/i;
/** Where the agent mends, an engine that starts the container again on its own would spend no budget and keep no back-off. */
const OFF: RestartPolicy = { name: "no", maximumRetries: 0 };

/** What the engine has to do when a container of the service ends: nothing, where a heal rule says what happens. */
export function wantedRestartPolicy(
  stack: Parameters<typeof healRuleOf>[0],
  name: string,
  service: Parameters<typeof restartPolicy>[0],
): RestartPolicy {
  return healRuleOf(stack, name) === undefined ? restartPolicy(service) : OFF;
}

/** Sets the engine's restart policy of a container that stays, where it is another than it has to be. */
export function planRestartPolicy(planning: ServicePlanning, slot: Slot): void {
  const { keeper } = slot;
  const actual = keeper?.detail?.restartPolicy;
  if (!keeper || actual === undefined || slot.outdated.length > 0 || slot.replacement !== undefined) return;
  if (planning.engineName.match(TAKES_NO_UPDATE)) return;
  const { stack, surveyed } = planning;
  const wanted = wantedRestartPolicy(stack, surveyed.name, surveyed.service);
  if (isSame(actual, wanted)) return;
  const why = healRuleOf(stack, surveyed.name) === undefined ? "" : "; its heal policy says what happens when it ends";
  planning.draft.add({
    ...planning.base(slot, `its restart policy is ${actual.name}, not ${wanted.name}${why}`, []),
    op: "set-restart-policy",
    id: stepId.restartPolicy(slot.name),
    service: surveyed.name,
    containerId: keeper.id,
    policy: wanted,
  });
}

function isSame(a: RestartPolicy, b: RestartPolicy): boolean {
  return a.name === b.name && (a.name !== "on-failure" || a.maximumRetries === b.maximumRetries);
}
