import {
  freshHealRecord,
  healingText,
  healRuleOf,
  indexWorld,
  judgeHealing,
  numberOf,
  ownContainers,
  serviceOf,
  type DesiredStack,
  type DesiredWorld,
  type Healing,
  type HealRecord,
  type HealTurn,
  type Hold,
  type ObservedContainer,
  type ObservedWorld,
  STEADY_AFTER_MS,
} from "@windflow/core";
import type { Keeper } from "./keeper.ts";
import type { OwnEvent } from "./options.ts";

/** Judges containers by the heal rules of their services. */
export interface Healer {
  /** The world with `healing` on every container that a rule is about; attempts are counted, durably, before they are made. */
  attach(world: ObservedWorld, desired: DesiredWorld, now: number): ObservedWorld;
  /** As last judged, for looks that change nothing. */
  readonly recall: (container: ObservedContainer) => Pick<ObservedContainer, "healing">;
  /** When time alone changes something: an attempt is due, or one has lasted; in milliseconds since the epoch. */
  nextAt(): number | undefined;
  /** Somebody started it by hand: what was given up is begun anew. */
  forget(place: Pick<Hold, "stackId" | "service" | "number">): void;
}

export function createHealer(parts: {
  readonly keeper: Pick<Keeper, "remembered" | "keep" | "holds" | "replacements">;
  tell(event: OwnEvent): void;
}): Healer {
  const { keeper } = parts;
  let judged: ReadonlyMap<string, Healing> = new Map();
  let steadyAt = Infinity;

  return {
    attach(world, desired, now) {
      const index = indexWorld(world, desired);
      const records: HealRecord[] = [];
      const healings = new Map<string, Healing>();
      const events: OwnEvent[] = [];
      steadyAt = Infinity;
      for (const stack of desired.stacks)
        for (const container of currentContainers(ownContainers(index, stack), stack, keeper)) {
          const name = serviceOf(container);
          const service = stack.model.services[name];
          const rule = healRuleOf(stack, name);
          if (service === undefined || rule === undefined) continue;
          const before = recordOf(keeper.remembered.heals ?? [], stack, name, numberOf(container));
          const { record, healing, turn } = judgeHealing(before, container, service, rule, now);
          records.push(record);
          healings.set(container.id, healing);
          steadyAt = Math.min(steadyAt, steadyTime(container, healing, now));
          if (turn !== undefined) events.push(healEvent(turn, stack, container, healing));
        }
      // A container that is made anew may be gone for a moment.
      records.push(...(keeper.remembered.heals ?? []).filter((one) => isLeftOver(one, records, desired)));
      if (records.length > 0 || keeper.remembered.heals !== undefined) keeper.keep({ heals: records });
      judged = healings;
      for (const event of events) parts.tell(event);
      if (healings.size === 0) return world;
      const containers = world.containers.map((container) => {
        const healing = healings.get(container.id);
        return healing === undefined ? container : { ...container, healing };
      });
      return { ...world, containers };
    },
    recall({ id }) {
      const healing = judged.get(id);
      return healing === undefined ? {} : { healing };
    },
    nextAt() {
      const at = Math.min(steadyAt, ...[...judged.values()].map(({ nextAt }) => nextAt ?? Infinity));
      return at === Infinity ? undefined : at;
    },
    forget: (place) =>
      keeper.keep({
        heals: (keeper.remembered.heals ?? []).filter(
          ({ stackId, service, number }) =>
            stackId !== place.stackId || service !== place.service || number !== place.number,
        ),
      }),
  };
}

/** When one that was started by a rule counts as steady, if that is to come. */
function steadyTime({ state, detail }: ObservedContainer, { attempts }: Healing, now: number): number {
  const at = state === "running" && attempts > 0 ? (detail?.startedAt ?? 0) + STEADY_AFTER_MS : 0;
  return at > now ? at : Infinity;
}

/** One a place: while one takes the place of another, the new one, and once it has failed, the one before. What an operator stopped is none. */
function currentContainers(
  own: readonly ObservedContainer[],
  stack: DesiredStack,
  { holds, replacements }: Pick<Keeper, "holds" | "replacements">,
): ObservedContainer[] {
  const previous = new Map(
    replacements.flatMap(({ stackId, previousId, failure }) =>
      stackId === stack.stackId && previousId !== undefined ? [[previousId, failure !== undefined] as const] : [],
    ),
  );
  const places = Map.groupBy(own, (container) => `${serviceOf(container)} ${numberOf(container)}`);
  return [...places.values()].flatMap((there) => {
    const back = there.find(({ id }) => previous.get(id) === true);
    const [newest] = there.filter(({ id }) => !previous.has(id)).toSorted((a, b) => b.createdAt - a.createdAt);
    const current = back ?? newest;
    return current === undefined || isHeld(holds, stack, current) ? [] : [current];
  });
}

function isHeld(holds: readonly Hold[], { stackId, revision }: DesiredStack, container: ObservedContainer): boolean {
  return holds.some(
    (hold) =>
      hold.stackId === stackId &&
      hold.revision === revision &&
      hold.service === serviceOf(container) &&
      hold.number === numberOf(container),
  );
}

// Whoever deploys again begins anew.
function recordOf(records: readonly HealRecord[], stack: DesiredStack, service: string, number: number): HealRecord {
  const known = records.find(
    (record) =>
      record.stackId === stack.stackId &&
      record.revision === stack.revision &&
      record.attempt === (stack.attempt ?? "") &&
      record.service === service &&
      record.number === number,
  );
  return known ?? freshHealRecord(stack, service, number);
}

function isLeftOver(record: HealRecord, judged: readonly HealRecord[], { stacks }: DesiredWorld): boolean {
  const isOf = (one: { readonly stackId: string; readonly revision: number; readonly attempt?: string }): boolean =>
    one.stackId === record.stackId && one.revision === record.revision && (one.attempt ?? "") === record.attempt;
  const isJudged = judged.some((one) => isOf(one) && one.service === record.service && one.number === record.number);
  return !isJudged && stacks.some((stack) => isOf(stack) && healRuleOf(stack, record.service) !== undefined);
}

const SEVERITY = {
  restarted: "warning",
  recreated: "warning",
  "given-up": "error",
  alerted: "error",
} as const satisfies Readonly<Record<HealTurn, OwnEvent["severity"]>>;

function healEvent(turn: HealTurn, stack: DesiredStack, container: ObservedContainer, healing: Healing): OwnEvent {
  const { exitCode } = container;
  const what =
    healing.trouble === "unhealthy"
      ? "is unhealthy"
      : `ended${exitCode === undefined ? "" : ` with exit code ${exitCode}`}`;
  return {
    type: `heal.${turn}`,
    stackId: stack.stackId,
    service: serviceOf(container),
    containerId: container.id,
    containerName: container.name,
    message: `${container.name} ${what}; ${healingText(healing)}`,
    severity: SEVERITY[turn],
    attributes: {
      revision: String(stack.revision),
      trouble: healing.trouble ?? "",
      action: healing.action,
      attempt: String(healing.attempts),
      budget: String(healing.budget),
      ...(exitCode === undefined || healing.trouble === "unhealthy" ? {} : { exitCode: String(exitCode) }),
    },
  };
}
