import type { HostView, StackReport } from "./model.ts";
import type { HealthGate } from "./strategy.ts";

/** What a host has to be seen doing, going forward or back. */
export interface Aim {
  readonly action: "deploy" | "remove";
  readonly revision: number;
  readonly attempt: string;
  readonly gate: HealthGate;
}

/** What a report says of the aim. `wakeAt`: when time alone may change the answer. */
export interface Seen {
  readonly state: "applying" | "checking-health" | "succeeded" | "failed";
  readonly cause: string;
  readonly wakeAt?: number;
}

/** A container that ended for good may be replaced at once by the loop on the host: wait this long before it counts. */
const ENDED_SETTLE_MS = 5_000;
/** A registry that is away for a moment is tried again by the loop on the host. */
const NEVER_RAN_SETTLE_MS = 30_000;
/** Figures come in batches of 15 to 30 s and tell nobody: they are asked for again after this long. */
const CONDITIONS_AGAIN_MS = 5_000;

export function seenRemoved(view: HostView): Seen {
  const { stack } = view;
  if (stack === undefined || (stack.converged && stack.containers === 0)) {
    return { state: "succeeded", cause: "the stack is off the host" };
  }
  const left =
    stack.containers === 0
      ? "its networks are being removed"
      : `${stack.containers} ${stack.containers === 1 ? "container is" : "containers are"} left`;
  return { state: "applying", cause: stack.problem === "" ? left : stack.problem };
}

/**
 * @param begunForMs how long ago the host was begun
 * @param now milliseconds since 1970
 */
export function seenDeployed(aim: Aim, view: HostView, begunForMs: number, now: number): Seen {
  const { stack } = view;
  const passedMs = view.receivedAt === undefined ? 0 : Math.max(0, now - view.receivedAt);
  if (stack === undefined || stack.revision !== aim.revision) {
    return { state: "applying", cause: `the host has not begun revision ${aim.revision}` };
  }
  if (stack.failedAttempt === aim.attempt) return { state: "failed", cause: stack.problem };
  const restarts = stack.attempt === aim.attempt ? (stack.restarts ?? 0) : 0;
  if (restarts > aim.gate.maxRestarts) {
    const cause = `a container restarted ${restarts} times; the gate puts up with ${aim.gate.maxRestarts}`;
    return { state: "failed", cause: firstText(stack.problem, cause) };
  }
  const ended = endedForGood(stack, begunForMs, passedMs);
  if (ended !== undefined && ended.leftMs <= 0) return { state: "failed", cause: ended.cause };
  const endsAt = ended === undefined ? {} : { wakeAt: now + ended.leftMs };
  if (!stack.converged) {
    const cause = firstText(stack.problem, stack.waitingFor, "the host applies the plan");
    return { state: "applying", cause, ...endsAt };
  }
  if (stack.healthyForMs === undefined) {
    const cause = firstText(stack.problem, stack.waitingFor, "waiting until every service is healthy");
    return { state: "checking-health", cause, ...endsAt };
  }
  return seenHealthy(aim, view, stack, { healthyMs: stack.healthyForMs + passedMs, now });
}

function seenHealthy(
  aim: Aim,
  view: HostView,
  stack: StackReport,
  { healthyMs, now }: { readonly healthyMs: number; readonly now: number },
): Seen {
  const { gate } = aim;
  if (healthyMs < gate.stableMs) {
    return {
      state: "checking-health",
      cause: `every service is running and healthy; it must stay so for ${seconds(gate.stableMs)}`,
      wakeAt: now + gate.stableMs - healthyMs,
    };
  }
  const probe = openProbe(aim, stack);
  if (probe !== undefined) return { state: "checking-health", cause: probe };
  if (gate.conditions.length > 0) {
    const unmet = view.unmetConditions ?? ["the figures have not been looked at yet"];
    if (unmet.length > 0) {
      return { state: "checking-health", cause: unmet.join("; "), wakeAt: now + CONDITIONS_AGAIN_MS };
    }
  }
  const passed = [
    ...(gate.probes.length > 0 ? ["its probes succeeded"] : []),
    ...(gate.conditions.length > 0 ? ["its figures are within their bounds"] : []),
  ];
  const healthy = `every service was running and healthy for ${seconds(gate.stableMs)}`;
  return { state: "succeeded", cause: [healthy, ...passed].join(", ") };
}

/** The first probe that has not succeeded on the host, as a sentence. */
function openProbe(aim: Aim, stack: StackReport): string | undefined {
  const { probes } = aim.gate;
  if (probes.length === 0) return undefined;
  const told = stack.attempt === aim.attempt ? (stack.probes ?? []) : [];
  if (told.length < probes.length) return `waiting for the host to run ${plural(probes.length, "probe")}`;
  const open = told.find((probe) => !probe.passed);
  return open && `probe ${open.name} of ${open.service} has not succeeded: ${firstText(open.cause, "not run yet")}`;
}

/** A container of an older revision that had ended before is about to be replaced: it says nothing of this one. */
function endedForGood(
  { ended, converged }: StackReport,
  begunForMs: number,
  passedMs: number,
): { cause: string; leftMs: number } | undefined {
  if (ended === undefined) return undefined;
  const forMs = ended.forMs + passedMs;
  if (!converged && forMs > begunForMs) return undefined;
  return { cause: ended.cause, leftMs: (ended.neverRan ? NEVER_RAN_SETTLE_MS : ENDED_SETTLE_MS) - forMs };
}

function firstText(...texts: string[]): string {
  return texts.find((text) => text !== "") ?? "";
}

export function seconds(ms: number): string {
  return `${Math.round(ms / 100) / 10} s`;
}

export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
