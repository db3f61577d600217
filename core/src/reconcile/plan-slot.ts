import type { ServicePlanning } from "./plan-service.ts";
import { readyStep, type SlotOutcome } from "./plan-dependencies.ts";
import { emitCreate } from "./plan-create.ts";
import { emitPostStart, emitPreStop } from "./plan-hooks.ts";
import { needOf } from "./run-state.ts";
import { whyStopFirst } from "./service-shape.ts";
import { shortId, stepId } from "./step-ids.ts";
import type { Outdated, Slot } from "./survey.ts";
import { isRunning } from "./world-index.ts";

// The engine gives such names to volumes that nobody named.
const NAMELESS_VOLUME = /^[0-9a-f]{64}$/;

/** Steps for one slot of a service: create, replace or start, as little as will do. */
export function planSlot(planning: ServicePlanning, slot: Slot, previousReady: readonly string[]): SlotOutcome {
  for (const [key, network] of slot.missingNetworks) connect(planning, slot, key, network.name);
  if (slot.outdated.length === 0) return planAlone(planning, slot);
  if (planning.remakesNetwork) return planNetworkFirst(planning, slot);
  const running = slot.outdated.filter(({ container }) => isRunning(container));
  if (running.length === 0) return planOverStopped(planning, slot);
  const inherited = inheritedVolumes(planning, slot);
  const reason =
    whyStopFirst(planning.surveyed.service) ??
    (inherited.length > 0 ? `it writes to ${inherited[0]?.destination ?? "a volume"}` : undefined);
  const goesOn = slot.keeper !== undefined && isRunning(slot.keeper);
  if (goesOn) planning.downtime(slot, false, "the container that stays runs already");
  else planning.downtime(slot, reason !== undefined, reason ?? "the new container starts before the old one stops");
  return reason === undefined
    ? planStartFirst(planning, slot, previousReady)
    : planStopFirst(planning, slot, previousReady);
}

function planAlone(planning: ServicePlanning, slot: Slot): SlotOutcome {
  const { keeper } = slot;
  if (!keeper) {
    const created = emitCreate(planning, slot, slot.name, "missing", [], []);
    return started(planning, slot, "new container", [created, ...planning.gate(), ...planning.orphansGone]);
  }
  // An adopted container keeps the name that an older docker compose gave it until it is made anew.
  const keepsName = keeper.name === slot.name || keeper.created !== undefined;
  const renamed = keepsName ? [] : [rename(planning, slot, keeper.name, [])];
  const need = needOf(keeper, planning.surveyed.service);
  if (need.act === "none") return hooked(planning, slot, []);
  return started(planning, slot, need.cause, [...renamed, ...planning.gate(), ...planning.orphansGone]);
}

// Nothing runs that could be disturbed, so the old ones may go as soon as there is a new one.
function planOverStopped(planning: ServicePlanning, slot: Slot): SlotOutcome {
  const made = makeNew(planning, slot);
  const removed = slot.outdated.map((old) => remove(planning, slot, old, [...made.steps, ...planning.pulls]));
  const renamed = made.name === slot.name ? [] : [rename(planning, slot, made.name, [...made.steps, ...removed])];
  planning.downtime(slot, false, "it is not running");
  return startUnlessDone(planning, slot, [...made.steps, ...removed, ...renamed, ...planning.gate()]);
}

function planStopFirst(planning: ServicePlanning, slot: Slot, previousReady: readonly string[]): SlotOutcome {
  const made = makeNew(planning, slot);
  const before = [...made.steps, ...planning.pulls, ...planning.gate(), ...previousReady];
  const removed = slot.outdated.map((old) => stopAndRemove(planning, slot, old, before));
  const renamed = made.name === slot.name ? [] : [rename(planning, slot, made.name, removed)];
  return startUnlessDone(planning, slot, [...removed, ...renamed]);
}

function planStartFirst(planning: ServicePlanning, slot: Slot, previousReady: readonly string[]): SlotOutcome {
  const made = makeNew(planning, slot);
  const before = [...made.steps, ...planning.pulls, ...planning.gate(), ...previousReady, ...planning.orphansGone];
  const outcome = startUnlessDone(planning, slot, before);
  const ready = readyStep(planning.draft, planning.stack, { surveyed: planning.surveyed, slots: [outcome] }, outcome);
  if (outcome.container?.state === "exited" && outcome.container.exitCode !== 0 && outcome.startStep === undefined) {
    planning.problem(
      `its new container ended with exit code ${outcome.container.exitCode ?? "unknown"}; the old one keeps running`,
    );
    return outcome;
  }
  const removed = slot.outdated.map((old) => stopAndRemove(planning, slot, old, [...ready, ...planning.pulls]));
  if (made.name !== slot.name) rename(planning, slot, made.name, removed);
  return outcome;
}

// The network can only be made anew when nothing is attached to it, so there is no new container before the old one is gone.
function planNetworkFirst(planning: ServicePlanning, slot: Slot): SlotOutcome {
  const removed = slot.outdated.map((old) => stopAndRemove(planning, slot, old, planning.pulls));
  const created = emitCreate(planning, slot, slot.name, slot.outdated[0]?.why ?? "missing", removed, []);
  planning.downtime(slot, true, "its network is made anew");
  return started(planning, slot, "new container", [created, ...planning.gate(), ...planning.orphansGone]);
}

interface Made {
  readonly name: string;
  readonly steps: readonly string[];
}

function makeNew(planning: ServicePlanning, slot: Slot): Made {
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
function inheritedVolumes(planning: ServicePlanning, slot: Slot): { name: string; destination: string }[] {
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

function startUnlessDone(planning: ServicePlanning, slot: Slot, dependsOn: readonly string[]): SlotOutcome {
  if (!slot.keeper) return started(planning, slot, "new container", [...dependsOn, ...planning.orphansGone]);
  const need = needOf(slot.keeper, planning.surveyed.service);
  if (need.act === "none") return hooked(planning, slot, []);
  return started(planning, slot, need.cause, [...dependsOn, ...planning.orphansGone]);
}

function started(planning: ServicePlanning, slot: Slot, cause: string, dependsOn: readonly string[]): SlotOutcome {
  const step = planning.draft.add({
    ...planning.base(slot, cause, dependsOn),
    op: "start-container",
    id: stepId.start(slot.name),
    ...(slot.keeper ? { containerId: slot.keeper.id } : {}),
  });
  return hooked(planning, slot, [step]);
}

/** The slot's container once its hooks have run, of which those that are due are run now. */
function hooked(planning: ServicePlanning, slot: Slot, started: readonly string[]): SlotOutcome {
  const { keeper } = slot;
  const container = keeper ? { container: keeper } : {};
  const due = started.length > 0 ? 0 : keeper?.state === "running" ? keeper.hooksDue : undefined;
  if (due === undefined) return { slot: slot.name, ...container };
  const { stackId, service, lock } = planning.base(slot, "", []);
  const frame = { stackId, service, slot: slot.name, lock, ...(keeper ? { containerId: keeper.id } : {}) };
  const [startStep] = emitPostStart(planning.draft, frame, planning.surveyed.service, due, started);
  return { slot: slot.name, ...(startStep === undefined ? {} : { startStep }), ...container };
}

function rename(planning: ServicePlanning, slot: Slot, name: string, dependsOn: readonly string[]): string {
  return planning.draft.add({
    ...planning.base(slot, "its name is free now", dependsOn),
    op: "rename-container",
    id: stepId.rename(slot.name),
    name,
    ...(slot.keeper ? { containerId: slot.keeper.id } : {}),
  });
}

function connect(planning: ServicePlanning, slot: Slot, key: string, name: string): void {
  const containerId = slot.keeper?.id;
  if (containerId === undefined) return;
  planning.draft.add({
    ...planning.base(slot, "it is not attached to this network", []),
    op: "connect-network",
    id: stepId.connect(slot.name, name),
    service: planning.surveyed.name,
    containerId,
    key,
    name,
  });
}

function stopAndRemove(planning: ServicePlanning, slot: Slot, old: Outdated, dependsOn: readonly string[]): string {
  const stopped = isRunning(old.container) ? [stop(planning, slot, old, dependsOn)] : [];
  return remove(planning, slot, old, stopped.length > 0 ? stopped : dependsOn);
}

function stop(planning: ServicePlanning, slot: Slot, old: Outdated, dependsOn: readonly string[]): string {
  const { service } = planning.surveyed;
  const before = emitPreStop(planning.draft, planning.base(slot, "", []), old.container, service, dependsOn);
  return planning.draft.add({
    ...planning.base(slot, old.why, before),
    op: "stop-container",
    id: stepId.stop(old.container),
    containerId: old.container.id,
  });
}

function remove(planning: ServicePlanning, slot: Slot, old: Outdated, dependsOn: readonly string[]): string {
  return planning.draft.add({
    ...planning.base(slot, old.why, dependsOn),
    op: "remove-container",
    id: stepId.remove(old.container),
    containerId: old.container.id,
  });
}
