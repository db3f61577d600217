import { secretReferences } from "@windflow/core";
import type { PlanStackRequest, PlanStackResponse } from "@windflow/proto/api";
import { commonErrors, ProblemError, type Caller, type Database, type UnitOfWork } from "../platform/index.ts";
import { decodeModel } from "./body.ts";
import { missingRevision, requireStack } from "./deployable.ts";
import { askHosts } from "./host-plans.ts";
import type { Revision } from "./model.ts";
import type { HostPlanner } from "./ports.ts";
import { missingBuildProblem } from "./prepare.ts";
import type { Revisions } from "./revisions.ts";
import { readRevision } from "./store-revisions.ts";
import { problemMessage, sourceOf } from "./wire.ts";

/** Plans of what hosts would do, made by the hosts themselves. */
export interface Planning {
  plan(caller: Caller, request: PlanStackRequest, signal: AbortSignal): Promise<PlanStackResponse>;
}

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
      const questions = targets.map((host) => ({ host, body }));
      const answers = await askHosts(hosts, request.stackId, questions, signal);
      const plans = answers.map(({ plan }) => plan);
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
