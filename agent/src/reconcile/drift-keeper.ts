import {
  indexWorld,
  isCorrecting,
  isSettledOn,
  ownContainers,
  policyKey,
  sortDrift,
  type DesiredStack,
  type DesiredWorld,
  type ObservedWorld,
  type Plan,
  type Settled,
  type Step,
} from "@windflow/core";
import type { Keeper } from "./keeper.ts";
import { toldStep } from "./told-step.ts";
import type { DriftRecord, OwnEvent, StackSettlement } from "./options.ts";

/** Steps of one drift that are told; a stack with more is in such disorder that the number says it. */
const MAX_STEPS = 50;
/** Of all steps of one event as JSON. */
const MAX_CHARACTERS = 16_000;

/** No key of a policy: it equals none that is asked for. */
const POLICY_ON_THE_WAY = "?";

/** Knows what each stack had converged on, so that what differs later is told apart from what was asked for. */
export interface DriftKeeper {
  /** The plan without what may not be done. What is found is remembered, durably, before anything is done about it. */
  sort(plan: Plan, observed: ObservedWorld, desired: DesiredWorld, now: number): Plan;
  /** To be told what the loop came to after each look. */
  settle(settlements: readonly StackSettlement[], plan: Plan, desired: DesiredWorld): void;
  of(stackId: string): Pick<StackSettlement, "drift" | "driftSince">;
}

export function createDriftKeeper(parts: {
  readonly keeper: Pick<Keeper, "remembered" | "keep">;
  tell(event: OwnEvent): void;
}): DriftKeeper {
  const { keeper } = parts;
  let current: ReadonlyMap<string, readonly Step[]> = new Map();
  // An engine's lists do not show all that drift is read from: these stacks have containers that are still to be inspected.
  let uninspected: ReadonlySet<string> = new Set();
  const settledOf = (stackId: string): Settled | undefined =>
    keeper.remembered.settled?.find((one) => one.stackId === stackId);
  const recordOf = (stackId: string): DriftRecord | undefined =>
    keeper.remembered.drifts?.find((one) => one.stackId === stackId);
  const stillReported = (stack: DesiredStack): [string, readonly Step[]][] => {
    const settled = settledOf(stack.stackId);
    const before = current.get(stack.stackId);
    const isHeldBack = settled !== undefined && isSettledOn(settled, stack) && !isPutRight(settled, stack);
    return before !== undefined && isHeldBack && uninspected.has(stack.stackId) ? [[stack.stackId, before]] : [];
  };
  const keepRecords = (drifts: readonly DriftRecord[]): void => {
    if (drifts.length > 0 || keeper.remembered.drifts !== undefined) keeper.keep({ drifts });
  };

  return {
    sort(plan, observed, desired, now) {
      const sorted = sortDrift(
        plan,
        observed,
        desired.stacks,
        keeper.remembered.settled ?? [],
        keeper.remembered.heals,
        keeper.remembered.replacements,
      );
      const index = indexWorld(observed, desired);
      const isUninspected = (stack: DesiredStack): boolean =>
        ownContainers(index, stack).some(({ detail }) => detail === undefined);
      uninspected = new Set(desired.stacks.flatMap((stack) => (isUninspected(stack) ? [stack.stackId] : [])));
      current = new Map([...desired.stacks.flatMap((stack) => stillReported(stack)), ...sorted.drift]);
      keepRecords(
        desired.stacks.flatMap((stack) => {
          const steps = current.get(stack.stackId);
          const known = recordOf(stack.stackId);
          if (steps !== undefined) return [grown(known ?? { stackId: stack.stackId, since: now, steps: [] }, steps)];
          // Put right by us it is told with the next settlement; under report it went by itself.
          return known !== undefined && isPutRight(settledOf(stack.stackId), stack) ? [known] : [];
        }),
      );
      return sorted.plan;
    },
    settle(settlements, plan, desired) {
      const done = new Set(settlements.flatMap(({ stackId, converged }) => (converged ? [stackId] : [])));
      const open = new Set(plan.replacements.flatMap((one) => (one.failure === undefined ? [one.stackId] : [])));
      const events: OwnEvent[] = [];
      const gone = new Set<string>();
      const settled = desired.stacks.flatMap((stack) => {
        const { stackId } = stack;
        const known = settledOf(stackId);
        // Which restart policies a new heal policy has to set is seen by inspection only.
        const isUnsure = uninspected.has(stackId) && policyKey(stack) !== (known?.policy ?? "");
        if (!done.has(stackId) || open.has(stackId) || isUnsure)
          return known === undefined ? [] : [onTheWay(known, stack)];
        const record = recordOf(stackId);
        if (record !== undefined) {
          gone.add(stackId);
          if (known !== undefined && isSettledOn(known, stack)) events.push(correctedEvent(stack, record));
        }
        return [settledNow(stack)];
      });
      if (JSON.stringify(settled) === JSON.stringify(keeper.remembered.settled ?? [])) {
        if (gone.size === 0) return;
      }
      keeper.keep({ settled });
      keepRecords((keeper.remembered.drifts ?? []).filter(({ stackId }) => !gone.has(stackId)));
      for (const event of events) parts.tell(event);
    },
    of(stackId) {
      const drift = current.get(stackId) ?? [];
      const since = recordOf(stackId)?.since;
      return {
        drift,
        ...(drift.length === 0 || since === undefined ? {} : { driftSince: since }),
      };
    },
  };
}

function isPutRight(settled: Settled | undefined, stack: DesiredStack): boolean {
  if (settled === undefined || !isSettledOn(settled, stack)) return false;
  return stack.policy?.reportDrift !== true || isCorrecting(settled, stack);
}

/** Of a policy that is being acted on some may be done: one that comes then, and be it the one of before, is asked for too. */
function onTheWay(settled: Settled, stack: DesiredStack): Settled {
  const isChanging = isSettledOn(settled, stack) && settled.policy !== policyKey(stack);
  return isChanging ? { ...settled, policy: POLICY_ON_THE_WAY } : settled;
}

function settledNow(stack: DesiredStack): Settled {
  const { stackId, revision, attempt = "", correct = "" } = stack;
  return { stackId, revision, attempt, policy: policyKey(stack), corrected: correct };
}

function grown(record: DriftRecord, steps: readonly Step[]): DriftRecord {
  const known = new Set(record.steps.map(({ op, target }) => `${op} ${target}`));
  const more = steps.map(toldStep).filter(({ op, target }) => !known.has(`${op} ${target}`));
  const all = [...record.steps, ...more].slice(0, MAX_STEPS);
  while (JSON.stringify(all).length > MAX_CHARACTERS) all.pop();
  return { ...record, steps: all };
}

function correctedEvent(stack: DesiredStack, { since, steps }: DriftRecord): OwnEvent {
  const count = steps.length === 1 ? "1 step" : `${steps.length} steps`;
  return {
    type: "drift.corrected",
    stackId: stack.stackId,
    message: `${stack.stackName}: ${count} put right what nobody asked for`,
    severity: "warning",
    attributes: {
      revision: String(stack.revision),
      foundAt: new Date(since).toISOString(),
      steps: JSON.stringify(steps),
      ...(stack.correct === undefined || stack.correct === "" ? {} : { correct: stack.correct }),
    },
  };
}
