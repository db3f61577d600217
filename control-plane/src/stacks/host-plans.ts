import type { PlanReply } from "@windflow/proto/agent";
import type { HostPlan } from "@windflow/proto/api";
import { ProblemError } from "../platform/index.ts";
import type { HostPlanner, PlannedHost } from "./ports.ts";
import { inWindow } from "./window.ts";

/** What a host is asked to plan; without a body: that the stack is taken off it. */
export interface HostQuestion {
  readonly host: PlannedHost;
  readonly body?: Uint8Array;
}

export interface HostAnswer {
  readonly plan: HostPlan;
  /** Why the host, which was asked, has no plan for it; empty when it has one or did not answer. */
  readonly problem: string;
}

// Planning is a look at the engine: a host that needs longer is not there for a person who waits for the page.
const PLAN_DEADLINE_MS = 10_000;
// Bodies in flight to hosts at a time.
const HOSTS_AT_A_TIME = 50;
// With many silent hosts the plans of the others still come before the call is out of time (60 s).
const ALL_HOSTS_DEADLINE_MS = 40_000;

/** The answer of every host, in the order of the questions; a host that cannot be asked, or does not answer in time, says so in its plan. */
export function askHosts(
  planner: Pick<HostPlanner, "requestPlan">,
  stackId: string,
  questions: readonly HostQuestion[],
  signal: AbortSignal,
): Promise<HostAnswer[]> {
  const late = AbortSignal.timeout(ALL_HOSTS_DEADLINE_MS);
  return inWindow(questions, HOSTS_AT_A_TIME, async ({ host, body }) => {
    if (host.notReached !== undefined) return unanswered(host, host.notReached);
    if (late.aborted)
      return { plan: withoutPlan(host, "not asked: the other hosts took all of the time"), problem: "" };
    try {
      const deadline = AbortSignal.any([signal, late, AbortSignal.timeout(PLAN_DEADLINE_MS)]);
      const asked = { stackId, ...(body === undefined ? {} : { body }) };
      return answered(host, await planner.requestPlan(host.hostId, asked, deadline));
    } catch (error) {
      signal.throwIfAborted();
      return unanswered(host, error instanceof ProblemError ? error.detail : "the host did not answer in time");
    }
  });
}

function answered(host: PlannedHost, reply: PlanReply): HostAnswer {
  const { problem, observedAt, text, expectedDowntimeSeconds } = reply;
  if (problem !== "") return { plan: { ...unanswered(host, problem).plan, observedAt }, problem };
  const { hostId, hostName } = host;
  const steps = reply.steps.map(({ op, target, cause, service, dependsOn }) => ({
    op,
    target,
    cause,
    service,
    dependsOn,
  }));
  return { plan: { hostId, hostName, steps, text, observedAt, notReached: "", expectedDowntimeSeconds }, problem: "" };
}

function unanswered(host: PlannedHost, why: string): HostAnswer {
  const { observedAt } = host;
  const last = observedAt === undefined ? "never observed" : `last observed at ${observedAt.toISOString()}`;
  return { plan: withoutPlan(host, `not reached, ${last}: ${why}`), problem: "" };
}

/** @param why it has no steps */
export function withoutPlan({ hostId, hostName, observedAt }: PlannedHost, why: string): HostPlan {
  return { hostId, hostName, steps: [], text: "", observedAt, notReached: why, expectedDowntimeSeconds: {} };
}
