import { secretReferences } from "@windflow/core";
import type { PlanReply } from "@windflow/proto/agent";
import type { HostPlan, PlanStackRequest, PlanStackResponse } from "@windflow/proto/api";
import { commonErrors, ProblemError, type Caller, type Database, type UnitOfWork } from "../platform/index.ts";
import { decodeModel } from "./body.ts";
import { missingRevision, requireStack } from "./deployable.ts";
import type { Revision } from "./model.ts";
import type { HostPlanner, PlannedHost } from "./ports.ts";
import { missingBuildProblem } from "./prepare.ts";
import type { Revisions } from "./revisions.ts";
import { readRevision } from "./store-revisions.ts";
import { inWindow } from "./window.ts";
import { problemMessage, sourceOf } from "./wire.ts";

/** Plans of what hosts would do, made by the hosts themselves. */
export interface Planning {
  plan(caller: Caller, request: PlanStackRequest, signal: AbortSignal): Promise<PlanStackResponse>;
}

// Planning is a look at the engine: a host that needs longer is not there for a person who waits for the page.
const PLAN_DEADLINE_MS = 10_000;
// Bodies in flight to hosts at a time.
const HOSTS_AT_A_TIME = 50;
// With many silent hosts the plans of the others still come before the call is out of time (60 s).
const ALL_HOSTS_DEADLINE_MS = 40_000;

export function createPlanning(parts: {
  readonly database: Database;
  readonly revisions: Revisions;
  readonly hosts: HostPlanner;
}): Planning {
  const { database, revisions, hosts } = parts;

  async function bodyFor(
    caller: Caller,
    request: PlanStackRequest,
    signal: AbortSignal,
  ): Promise<{ body: Uint8Array } | { problems: PlanStackResponse["problems"] }> {
    const { stackId, revision, source } = request;
    if (revision > 0) {
      const stored = await database.inOrganization(caller, (tx) => readStored(tx, stackId, revision), {
        readOnly: true,
      });
      return { body: stored.body };
    }
    if (source === undefined) {
      const violations = [{ path: "source", message: "either a revision or a source is needed" }];
      throw new ProblemError({ code: commonErrors.WF_INVALID_ARGUMENT, violations });
    }
    const prepared = await revisions.prepare(caller, { stackId, source: sourceOf(source) }, signal);
    if ("revision" in prepared) return { body: prepared.revision.body };
    const problems = "problems" in prepared ? prepared.problems : prepared.missingBuilds.map(missingBuildProblem);
    return { problems: problems.map(problemMessage) };
  }

  async function planFor(
    host: PlannedHost,
    { stackId, body }: { stackId: string; body: Uint8Array },
    { signal, late }: { signal: AbortSignal; late: AbortSignal },
  ): Promise<HostPlan> {
    if (host.notReached !== undefined) return notReached(host, host.notReached);
    try {
      const deadline = AbortSignal.any([signal, late, AbortSignal.timeout(PLAN_DEADLINE_MS)]);
      return planMessage(host, await hosts.requestPlan(host.hostId, { stackId, body }, deadline));
    } catch (error) {
      signal.throwIfAborted();
      return notReached(host, error instanceof ProblemError ? error.detail : "the host did not answer in time");
    }
  }

  return {
    plan: async (caller, request, signal) => {
      const prepared = await bodyFor(caller, request, signal);
      if ("problems" in prepared) return { hosts: [], problems: prepared.problems };
      const { body } = prepared;
      const hasSecrets = secretReferences(decodeModel(body)).length > 0;
      const targets = await database.inOrganization(
        caller,
        async (tx) => hosts.hostsOf(tx, await requireStack(tx, request.stackId, "look"), hasSecrets),
        { readOnly: true },
      );
      const late = AbortSignal.timeout(ALL_HOSTS_DEADLINE_MS);
      const asked = { stackId: request.stackId, body };
      const plans = await inWindow(targets, HOSTS_AT_A_TIME, (host) => planFor(host, asked, { signal, late }));
      return { hosts: plans, problems: [] };
    },
  };
}

async function readStored(tx: UnitOfWork, stackId: string, number: number): Promise<Revision> {
  const stack = await requireStack(tx, stackId, "look");
  const stored = await readRevision(tx, stackId, number);
  if (stored === undefined) throw missingRevision(stack, number);
  return stored;
}

function planMessage(host: PlannedHost, reply: PlanReply): HostPlan {
  const { hostId, hostName } = host;
  if (reply.problem !== "") return { ...notReached(host, reply.problem), observedAt: reply.observedAt };
  return {
    hostId,
    hostName,
    steps: reply.steps.map(({ op, target, cause, service, dependsOn }) => ({ op, target, cause, service, dependsOn })),
    text: reply.text,
    observedAt: reply.observedAt,
    notReached: "",
    expectedDowntimeSeconds: reply.expectedDowntimeSeconds,
  };
}

function notReached(host: PlannedHost, why: string): HostPlan {
  const { hostId, hostName, observedAt } = host;
  const last = observedAt === undefined ? "never observed" : `last observed at ${observedAt.toISOString()}`;
  return {
    hostId,
    hostName,
    steps: [],
    text: "",
    observedAt,
    notReached: `not reached, ${last}: ${why}`,
    expectedDowntimeSeconds: {},
  };
}
