import type { ServicePlanning } from "./plan-service.ts";
import type { SlotOutcome } from "./plan-dependencies.ts";
import { healingText } from "./healing.ts";
import { emitCreate } from "./plan-create.ts";
import { planBack, planReplace } from "./plan-replace.ts";
import { needOf } from "./run-state.ts";
import {
  hooked,
  inheritedVolumes,
  makeNew,
  remove,
  rename,
  restarted,
  started,
  startUnlessDone,
  stopAndRemove,
} from "./slot-steps.ts";
import { stepId } from "./step-ids.ts";
import type { Slot } from "./survey.ts";
import { isRunning } from "./world-index.ts";

/** Steps for one slot of a service: create, replace, go back or start, as little as will do. */
export function planSlot(planning: ServicePlanning, slot: Slot, previousReady: readonly string[]): SlotOutcome {
  for (const [key, network] of slot.missingNetworks) connect(planning, slot, key, network.name);
  const { replacement } = slot;
  if (replacement?.record.failure !== undefined) return planBack(planning, slot, replacement);
  if (slot.outdated.length === 0) return planAlone(planning, slot);
  if (slot.outdated.some(({ healed }) => healed === true)) return planRemovalFirst(planning, slot, "it is mended");
  if (planning.remakes !== undefined) return planRemovalFirst(planning, slot, `its ${planning.remakes} is made anew`);
  const running = slot.outdated.map(({ container }) => container).filter(isRunning);
  // What ran before an attempt that was not decided is still what the host goes back to.
  const previous = replacement?.previous ?? running.find(({ name }) => name === slot.name) ?? running[0];
  const isOver = replacement !== undefined && planning.allProven && running.length === 0;
  if (previous === undefined || isOver) return planOverStopped(planning, slot);
  return planReplace(planning, slot, previous, previousReady);
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
  const { healing } = keeper;
  if (keeper.state === "running" && healing?.state === "acting" && healing.action === "restart")
    return restarted(planning, slot, keeper, healingText(healing), renamed);
  if (need.act === "none") return hooked(planning, slot, []);
  return started(planning, slot, need.cause, [...renamed, ...planning.gate(), ...planning.orphansGone]);
}

// Nothing runs that could be disturbed, so the old ones may go as soon as there is a new one.
function planOverStopped(planning: ServicePlanning, slot: Slot): SlotOutcome {
  const made = makeNew(planning, slot);
  const removed = slot.outdated.map((old) => remove(planning, slot, old, [...made.steps, ...planning.pulls]));
  const renamed = made.name === slot.name ? [] : [rename(planning, slot, made.name, [...made.steps, ...removed])];
  planning.downtime(slot, { seconds: 0, reason: "it is not running" });
  return startUnlessDone(planning, slot, [...made.steps, ...removed, ...renamed, ...planning.gate()]);
}

// A network or volume can only be made anew when nothing uses it, so there is no new container before the old one is gone. And of what
// does not work nothing is kept: to go back to it would mend nothing.
function planRemovalFirst(planning: ServicePlanning, slot: Slot, reason: string): SlotOutcome {
  const removed = slot.outdated.map((old) => stopAndRemove(planning, slot, old, planning.pulls));
  const inherited = planning.remakes === undefined ? inheritedVolumes(planning, slot) : [];
  const created = emitCreate(planning, slot, slot.name, slot.outdated[0]?.why ?? "missing", removed, inherited);
  planning.downtime(slot, { seconds: planning.awaySeconds(slot), reason });
  return started(planning, slot, "new container", [created, ...planning.gate(), ...planning.orphansGone]);
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
