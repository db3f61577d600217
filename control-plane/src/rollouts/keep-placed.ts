import { announce, recordEvent } from "../events/index.ts";
import type { HostSummary } from "../hosts/index.ts";
import type { PlacementHost, StackNeeds } from "../placement/index.ts";
import type { UnitOfWork } from "../platform/index.ts";
import { readDeployable, requireStack, type Stack } from "../stacks/index.ts";
import type { AdvanceParts } from "./advance.ts";
import { placeKept } from "./placed.ts";
import { changeHosts } from "./placement-rollout.ts";
import type { KeptPlan } from "./plan-kept.ts";
import type { PlacementSight } from "./ports.ts";
import { lockPlacement, readOpenOfStacks, readShorts, writeShort, type OpenRollout } from "./store-kept.ts";

/** Who makes the rollouts that placement begins. */
const MAKER = "placement";
// The history has a sentence, not a list of thousands.
const NAMES_SHOWN = 5;

export interface Kept {
  /** The rollout that brings about what has to change; undefined when nothing has to, or not now. */
  readonly rolloutId?: string;
  /** When time alone may change the answer, milliseconds since 1970. */
  readonly wakeAt?: number;
  readonly short: string;
}

/**
 * Brings a stack that was rolled out to where it belongs now: hosts that match get it, hosts that do not any more, or are gone for long,
 * give it up. In the caller's transaction; the stack is locked, and of two that try at once the second finds nothing to do.
 * @param again what failed or was stopped before is tried again: somebody just changed the placement
 * @throws WF_NOT_FOUND for a stack that is gone
 */
export async function keepPlaced(
  tx: UnitOfWork,
  parts: AdvanceParts,
  { stackId, again }: { readonly stackId: string; readonly again: boolean },
): Promise<Kept> {
  const stack = await requireStack(tx, stackId, "lock");
  const open = (await readOpenOfStacks(tx, [stackId])).get(stackId);
  const revision = revisionToKeep(stack, open);
  if (revision === undefined) return { short: "" };
  await lockPlacement(tx);
  const now = parts.clock.now();
  const plan = await placeKept(tx, parts.sight, { stack, revision, now, again });
  await tellShort(tx, parts, stack, plan.short);
  const { come, leave } = plan;
  const kept = { short: plan.short, ...wakeOf(plan, now) };
  if (come.length + leave.length === 0) return kept;
  const { revision: deployable } = await readDeployable(tx, stackId, revision);
  const named = ({
    hostId,
    name: hostName,
    labels,
  }: PlacementHost): { hostId: string; hostName: string; labels: PlacementHost["labels"] } => ({
    hostId,
    hostName,
    labels,
  });
  const change = {
    stack,
    revision: deployable,
    come: come.map(named),
    leave: leave.map(named),
    reason: reasonOf(plan),
  };
  const rolloutId = await changeHosts(tx, parts, change, { organizationId: stack.organizationId, name: MAKER });
  return rolloutId === undefined ? kept : { ...kept, rolloutId };
}

/** The same without a lock and without a change: whether `keepPlaced` would have anything to do. */
export async function looksMisplaced(
  tx: UnitOfWork,
  sight: PlacementSight,
  asked: {
    readonly stack: Stack;
    readonly open: OpenRollout | undefined;
    readonly short: string;
    readonly now: Date;
    readonly again: boolean;
    readonly summaries: readonly HostSummary[];
    /** `summaries` are not all of the organization's hosts: what is said to be missing says nothing. */
    readonly isPart: boolean;
    readonly needsKnown: Map<string, StackNeeds>;
  },
): Promise<{ readonly misplaced: boolean; readonly wakeAt?: number }> {
  const revision = revisionToKeep(asked.stack, asked.open);
  if (revision === undefined) return { misplaced: false };
  const plan = await placeKept(tx, sight, { ...asked, revision });
  const isTold = asked.isPart ? plan.short === "" : plan.short === asked.short;
  return { misplaced: plan.come.length + plan.leave.length > 0 || !isTold, ...wakeOf(plan, asked.now) };
}

/** Undefined: the stack is left alone now. It was never rolled out, is taken away, or goes back, after which it is looked at again. */
function revisionToKeep(stack: Stack, open: OpenRollout | undefined): number | undefined {
  if (stack.deleting || open?.kind === "remove" || open?.isGoingBack === true) return undefined;
  const revision = open?.revision ?? stack.currentRevision;
  return revision === 0 ? undefined : revision;
}

function wakeOf({ wakeAfterSeconds }: KeptPlan, now: Date): { wakeAt?: number } {
  // A second more than the limit: gone is longer than it.
  return wakeAfterSeconds === undefined ? {} : { wakeAt: now.getTime() + (wakeAfterSeconds + 1) * 1000 };
}

async function tellShort(tx: UnitOfWork, parts: AdvanceParts, stack: Stack, short: string): Promise<void> {
  const { id: stackId, organizationId, name } = stack;
  const before = (await readShorts(tx, [stackId])).get(stackId) ?? "";
  if (before === short) return;
  const at = parts.clock.now();
  await writeShort(tx, stack, { short, at });
  announce(tx, { organizationId, kind: "stack", id: stackId, change: "updated", at });
  // A sentence that only has other figures in it is no news; that something is missing, and that it is there again, are.
  if (before !== "" && short !== "") return;
  await recordEvent(tx, {
    id: parts.newId("evt"),
    organizationId,
    at,
    type: short === "" ? "placement.complete" : "placement.short",
    message:
      short === "" ? `${name} is where it belongs again.` : `${name} cannot be placed as it is meant to be: ${short}.`,
    severity: short === "" ? "info" : "warning",
    actor: "system",
    stackId,
  });
}

function reasonOf({ come, leave, placement }: KeptPlan): string {
  const because = new Map(placement.decisions.map(({ host, because: why }) => [host.hostId, why]));
  const said = (word: string, hosts: readonly PlacementHost[]): string[] => {
    if (hosts.length === 0) return [];
    const named = hosts.slice(0, NAMES_SHOWN).map(({ hostId, name }) => `${name} (${because.get(hostId) ?? ""})`);
    const more = hosts.length > NAMES_SHOWN ? [`${hosts.length - NAMES_SHOWN} more`] : [];
    return [`${word} ${[...named, ...more].join(", ")}`];
  };
  return [...said("comes to", come), ...said("leaves", leave)].join("; ");
}
