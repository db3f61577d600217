import type { ComposeHook } from "../compose/model.ts";
import { hooksOf } from "./hooks.ts";
import { emitCreate } from "./plan-create.ts";
import type { SlotOutcome } from "./plan-dependencies.ts";
import { emitPostStart, emitPreStop } from "./plan-hooks.ts";
import type { ServicePlanning } from "./plan-service.ts";
import type { ObservedContainer } from "./observed.ts";
import { needOf } from "./run-state.ts";
import { shortId, stepId } from "./step-ids.ts";
import type { Outdated, Slot } from "./survey.ts";
import { isRunning } from "./world-index.ts";

// The engine gives such names to volumes that nobody named.
const NAMELESS_VOLUME = /^[0-9a-f]{64}$/;

/** The container that is to fill a slot: there already, or made by the steps. */
export interface Made {
  readonly name: string;
  readonly steps: readonly string[];
}

export function makeNew(planning: ServicePlanning, slot: Slot): Made {
  if (slot.keeper) return { name: slot.keeper.name, steps: [] };
  const name = freeName(slot);
  const cause = slot.outdated[0]?.why ?? "missing";
  return { name, steps: [emitCreate(planning, slot, name, cause, [], inheritedVolumes(planning, slot))] };
}

/** The slot's own name, else one with the id of a predecessor in front. One is always free: at least one predecessor has the slot's name. */
function freeName(slot: Slot): string {
  const taken = new Set(slot.outdated.map(({ container }) => container.name));
  const holdersFirst = slot.outdated.toSorted(
    (a, b) => Number(b.container.name === slot.name) - Number(a.container.name === slot.name),
  );
  const names = holdersFirst.map(({ container }) => `${shortId(container.id)}_${slot.name}`);
  return [slot.name, ...names].find((name) => !taken.has(name)) ?? slot.name;
}

/** Nameless volumes of the old container: their content goes over to the new one, as with docker compose. */
export function inheritedVolumes(planning: ServicePlanning, slot: Slot): { name: string; destination: string }[] {
  const mounts = planning.surveyed.service.volumes ?? [];
  const taken = new Set(
    mounts.filter(({ type, source }) => type !== "volume" || source !== undefined).map(({ target }) => target),
  );
  const from = slot.outdated.find(({ container }) => isRunning(container)) ?? slot.outdated[0];
  return (from?.container.mounts ?? []).flatMap(({ type, name, destination }) =>
    type === "volume" && name !== undefined && NAMELESS_VOLUME.test(name) && !taken.has(destination)
      ? [{ name, destination }]
      : [],
  );
}

export function startUnlessDone(planning: ServicePlanning, slot: Slot, dependsOn: readonly string[]): SlotOutcome {
  if (!slot.keeper) return started(planning, slot, "new container", [...dependsOn, ...planning.orphansGone]);
  const need = needOf(slot.keeper, planning.surveyed.service);
  if (need.act === "none") return hooked(planning, slot, []);
  return started(planning, slot, need.cause, [...dependsOn, ...planning.orphansGone]);
}

export function started(
  planning: ServicePlanning,
  slot: Slot,
  cause: string,
  dependsOn: readonly string[],
): SlotOutcome {
  const step = planning.draft.add({
    ...planning.base(slot, cause, dependsOn),
    op: "start-container",
    id: stepId.start(slot.name),
    hooks: hooksAfterStart(planning, slot).length,
    ...(slot.keeper ? { containerId: slot.keeper.id } : {}),
  });
  return hooked(planning, slot, [step]);
}

/** A container that runs, and does not work, is restarted. */
export function restarted(
  planning: ServicePlanning,
  slot: Slot,
  container: ObservedContainer,
  cause: string,
  dependsOn: readonly string[],
): SlotOutcome {
  const { service } = planning.surveyed;
  const frame = planning.base(slot, cause, []);
  const step = planning.draft.add({
    ...frame,
    op: "restart-container",
    id: stepId.restart(slot.name),
    containerId: container.id,
    hooks: hooksAfterStart(planning, slot).length,
    dependsOn: emitPreStop(planning.draft, frame, container, service, dependsOn),
  });
  return hooked(planning, slot, [step]);
}

export function hooksAfterStart({ surveyed }: ServicePlanning, { keeper }: Slot): readonly ComposeHook[] {
  return keeper ? hooksOf("post_start", keeper, surveyed.service) : (surveyed.service.post_start ?? []);
}

/** The slot's container once its hooks have run, of which those that are due are run now. */
export function hooked(planning: ServicePlanning, slot: Slot, started: readonly string[]): SlotOutcome {
  const { keeper } = slot;
  const container = keeper ? { container: keeper } : {};
  const due = started.length > 0 ? 0 : keeper?.state === "running" ? keeper.hooksDue : undefined;
  if (due === undefined) return { slot: slot.name, ...container };
  const { stackId, service, lock } = planning.base(slot, "", []);
  const frame = { stackId, service, slot: slot.name, lock, ...(keeper ? { containerId: keeper.id } : {}) };
  const [startStep] = emitPostStart(planning.draft, frame, hooksAfterStart(planning, slot), due, started);
  return { slot: slot.name, ...(startStep === undefined ? {} : { startStep }), ...container };
}

export function rename(planning: ServicePlanning, slot: Slot, name: string, dependsOn: readonly string[]): string {
  return planning.draft.add({
    ...planning.base(slot, "its name is free now", dependsOn),
    op: "rename-container",
    id: stepId.rename(slot.name),
    name,
    to: slot.name,
    ...(slot.keeper ? { containerId: slot.keeper.id } : {}),
  });
}

export function stopAndRemove(
  planning: ServicePlanning,
  slot: Slot,
  old: Outdated,
  dependsOn: readonly string[],
): string {
  const stopped = isRunning(old.container) ? [stop(planning, slot, old, dependsOn)] : [];
  return remove(planning, slot, old, stopped.length > 0 ? stopped : dependsOn);
}

export function stop(planning: ServicePlanning, slot: Slot, old: Outdated, dependsOn: readonly string[]): string {
  const { service } = planning.surveyed;
  const before = emitPreStop(planning.draft, planning.base(slot, "", []), old.container, service, dependsOn);
  return planning.draft.add({
    ...planning.base(slot, old.why, before),
    op: "stop-container",
    id: stepId.stop(old.container),
    containerId: old.container.id,
  });
}

export function remove(planning: ServicePlanning, slot: Slot, old: Outdated, dependsOn: readonly string[]): string {
  return planning.draft.add({
    ...planning.base(slot, old.why, dependsOn),
    op: "remove-container",
    id: stepId.remove(old.container),
    containerId: old.container.id,
  });
}
