import type { ComposeService } from "../compose/model.ts";
import type { DesiredStack, HealAction, HealRule } from "./desired.ts";
import type { ObservedContainer } from "./observed.ts";
import { restartPolicy } from "./restart-policy.ts";

/** How a heal rule stands with a container: the planner acts on it, and people are told. */
export interface Healing {
  /**
   * `watched`: all is well. `waiting`: the next attempt is due later. `acting`: it is to be mended now. `given-up`: the budget is spent.
   * `alerted`: the rule wants it told and left alone.
   */
  readonly state: "watched" | "waiting" | "acting" | "given-up" | "alerted";
  readonly trouble?: "ended" | "unhealthy";
  readonly action: HealAction;
  /** That count against the budget now, the one that is under way included. */
  readonly attempts: number;
  readonly budget: number;
  readonly budgetMs: number;
  /** When the next attempt is due, in milliseconds since the epoch. */
  readonly nextAt?: number;
}

/** What has to be remembered of the healing of one place, durably, before anything is done. */
export interface HealRecord {
  readonly stackId: string;
  readonly revision: number;
  /** The {@link DesiredStack.attempt}; empty when it has none. */
  readonly attempt: string;
  readonly service: string;
  readonly number: number;
  /** When each attempt was made that may still count, in milliseconds since the epoch. */
  readonly attempts: readonly number[];
  /** Attempts since the revision's attempt began. */
  readonly total: number;
  /** The trouble that was seen last, and when first. */
  readonly seen?: { readonly trouble: string; readonly at: number };
  /** The trouble that the last attempt is about. */
  readonly acting?: string;
  /** Name of the container that is made anew, until there is another one in its place. */
  readonly remaking?: string;
  /** The trouble that was given up, or told of and left. */
  readonly left?: string;
}

/** What a judgement brought about that people should hear of. */
export type HealTurn = "restarted" | "recreated" | "given-up" | "alerted";

export interface HealJudgement {
  readonly record: HealRecord;
  readonly healing: Healing;
  readonly turn?: HealTurn;
}

/** The rule for a service; undefined when its restart policy alone says what happens. */
export function healRuleOf(stack: Pick<DesiredStack, "policy">, service: string): HealRule | undefined {
  const rules = stack.policy?.heal ?? {};
  return Object.hasOwn(rules, service) ? rules[service] : rules["*"];
}

/** A record for a place that has had no trouble yet. */
export function freshHealRecord(
  stack: Pick<DesiredStack, "stackId" | "revision" | "attempt">,
  service: string,
  number: number,
): HealRecord {
  const { stackId, revision, attempt = "" } = stack;
  return { stackId, revision, attempt, service, number, attempts: [], total: 0 };
}

/**
 * Judges one container by its rule. Each trouble (one end, one spell of bad health) is met by one attempt at most, and never more than
 * `budget` attempts are made within `budgetMs`.
 */
export function judgeHealing(
  record: HealRecord,
  container: ObservedContainer,
  service: ComposeService,
  rule: HealRule,
  now: number,
): HealJudgement {
  // An attempt that seems to be of the future counts: a clock that was set back must not give a new budget.
  const recent = record.attempts.filter((at) => now - at < rule.budgetMs);
  const base = { action: rule.action, attempts: recent.length, budget: rule.budget, budgetMs: rule.budgetMs };
  const isRemade = record.acting?.startsWith(`${container.id} `) === true && record.remaking !== undefined;
  // What was begun is brought to its end: stopped for that, it is no longer what it was.
  if (isRemade) return { record, healing: { ...base, action: "recreate", state: "acting", trouble: "unhealthy" } };
  const kind = troubleOf(container, service, rule);
  if (kind === undefined) {
    const { seen: _seen, left: _left, remaking: _remaking, ...rest } = record;
    return { record: { ...rest, attempts: recent }, healing: { ...base, state: "watched" } };
  }
  const trouble = troubleKey(container, kind);
  // When it ended, and so whether it was seen before, is in the detail, which comes a moment later.
  if (trouble === undefined) return { record, healing: { ...base, state: "waiting", trouble: kind } };
  if (record.acting === trouble) return { record, healing: { ...base, state: "acting", trouble: kind } };
  const at = record.seen?.trouble === trouble ? Math.min(record.seen.at, now) : now;
  const seen: HealRecord = { ...record, attempts: recent, seen: { trouble, at } };
  const isLeft = record.left === trouble;
  if (isLeft || rule.action === "alert" || recent.length >= rule.budget) {
    const state = rule.action === "alert" ? "alerted" : "given-up";
    const { remaking: _remaking, ...rest } = seen;
    return {
      record: { ...rest, left: trouble },
      healing: { ...base, state, trouble: kind },
      ...(isLeft ? {} : { turn: state }),
    };
  }
  const nextAt = at + Math.min(rule.backoffLimitMs, rule.backoffMs * 2 ** recent.length);
  if (now < nextAt) return { record: seen, healing: { ...base, state: "waiting", trouble: kind, nextAt } };
  const remaking = rule.action === "recreate" ? { remaking: container.name } : {};
  return {
    record: { ...seen, attempts: [...recent, now], total: record.total + 1, acting: trouble, ...remaking },
    healing: { ...base, state: "acting", trouble: kind, attempts: recent.length + 1 },
    turn: rule.action === "recreate" ? "recreated" : "restarted",
  };
}

/** What is wrong with it, as the rule sees it. */
function troubleOf(
  container: ObservedContainer,
  service: ComposeService,
  rule: HealRule,
): Healing["trouble"] | undefined {
  // An engine or a host that went down is not the container's fault, and costs no budget.
  if (container.interrupted === true) return undefined;
  if (container.state === "exited") {
    const { name } = restartPolicy(service);
    const isDone = container.exitCode === 0 && (name === "no" || name === "on-failure");
    return isDone ? undefined : "ended";
  }
  return container.state === "running" && container.health === "unhealthy" && rule.whenUnhealthy
    ? "unhealthy"
    : undefined;
}

function troubleKey({ id, detail }: ObservedContainer, kind: "ended" | "unhealthy"): string | undefined {
  const at = kind === "ended" ? detail?.finishedAt : detail?.startedAt;
  return at === undefined ? undefined : `${id} ${kind} ${at}`;
}

const SECOND_MS = 1_000;

/** A sentence part for a person: how far the healing is; empty when there is nothing to say. */
export function healingText({ state, attempts, budget, budgetMs, action }: Healing): string {
  const within = `within ${Math.round(budgetMs / SECOND_MS)} s`;
  const act = action === "recreate" ? "made anew" : "started again";
  switch (state) {
    case "watched":
      return attempts === 0 ? "" : `it was mended ${times(attempts)} of late`;
    case "waiting":
      return attempts === 0 ? `it is to be ${act}` : `it was ${act} ${times(attempts)} and is to be once more`;
    case "acting":
      return `it is ${act}, attempt ${attempts} of ${budget}`;
    case "given-up":
      return `given up after ${attempts} ${attempts === 1 ? "attempt" : "attempts"} ${within}: it is left alone until somebody starts it or deploys again`;
    case "alerted":
      return "its heal policy leaves it alone";
  }
}

function times(count: number): string {
  return count === 1 ? "once" : `${count} times`;
}
