import type { ObservedStack, ObservedState } from "@windflow/proto/agent";
import { inOurTime, type Clock, type NewId, type UnitOfWork } from "../platform/index.ts";
import { readPolicies } from "../stacks/index.ts";
import { boundedSteps, type Drift } from "./model.ts";
import { planDrift, type DriftChange, type DriftReport } from "./plan.ts";
import { insertDrift, readLastEnded, readOpenOn, updateDrift } from "./store.ts";
import { announceDrift, recordDrift } from "./tell.ts";

/** What a host reported, as far as drift is concerned; in the transaction that stores it, with those of others. */
export interface ObservedDrift {
  readonly organizationId: string;
  readonly hostId: string;
  /** When the host looked, in our time. */
  readonly at: Date;
  /** Milliseconds that the host's clock is ahead. */
  readonly clockSkewMs: number;
  readonly state: ObservedState;
}

const MAX_PROBLEM_CHARACTERS = 500;

export function createDriftObserver(parts: {
  readonly clock: Clock;
  readonly newId: NewId;
}): (tx: UnitOfWork, reports: readonly ObservedDrift[]) => Promise<void> {
  const { clock, newId } = parts;

  async function apply(
    tx: UnitOfWork,
    before: Drift,
    change: DriftChange,
    report: DriftReport | undefined,
  ): Promise<void> {
    const now = clock.now();
    if (change.op === "end") {
      const endedBy = change.state === "corrected" ? before.askedBy : "";
      await updateDrift(tx, before.id, { state: change.state, endedAt: now, endedBy, problem: "" });
      announceDrift(tx, before, "updated", now);
      const sentence = `What differed of {stack} on {host} is gone.`;
      // What a host put right it tells by itself, with its own time.
      if (change.state === "gone")
        await recordDrift(tx, newId, {
          drift: before,
          type: "drift.gone",
          sentence,
          severity: "info",
          actor: "system",
          at: now,
        });
      return;
    }
    const { state, problem } = change;
    const drift: Drift = { ...before, state, problem, steps: report?.steps ?? [], revision: report?.revision ?? 0 };
    if (change.op === "update") {
      await updateDrift(tx, drift.id, { state, problem, steps: drift.steps, revision: drift.revision });
      announceDrift(tx, drift, "updated", now);
      if (problem !== "" && before.problem === "") await recordProblem(tx, drift, now);
      return;
    }
    if (!(await insertDrift(tx, drift))) return;
    announceDrift(tx, drift, "created", now);
    if (problem !== "") await recordProblem(tx, drift, now);
    if (state !== "open") return;
    const count = drift.steps.length;
    const sentence = `{stack} on {host} is not as it should be: ${count} ${count === 1 ? "step" : "steps"} would put it right.`;
    await recordDrift(tx, newId, {
      drift,
      type: "drift.found",
      sentence,
      severity: "warning",
      actor: "system",
      at: drift.foundAt,
    });
  }

  async function recordProblem(tx: UnitOfWork, drift: Drift, at: Date): Promise<void> {
    const sentence = `What differs of {stack} on {host} cannot be put right: ${drift.problem}`;
    await recordDrift(tx, newId, { drift, type: "drift.stuck", sentence, severity: "error", actor: "system", at });
  }

  async function observeHost(tx: UnitOfWork, observed: ObservedDrift, open: ReadonlyMap<string, Drift>): Promise<void> {
    const { organizationId, hostId, state } = observed;
    const drifting = state.stacks.filter((stack) => stack.drift.length > 0);
    if (open.size === 0 && drifting.length === 0) return;
    const ids = new Set([...open.keys(), ...drifting.map((stack) => stack.stackId)]);
    const policies = await readPolicies(tx, [...ids]);
    for (const stackId of ids) {
      const policy = policies.get(stackId);
      const stack = state.stacks.find((one) => one.stackId === stackId);
      const known = open.get(stackId);
      const report = stack && reportOf(stack, observed);
      const last = known === undefined ? await readLastEnded(tx, { hostId, stackId }) : undefined;
      const change = planDrift({
        ...(known === undefined ? {} : { open: known }),
        ...(last === undefined ? {} : { last }),
        ...(report === undefined ? {} : { report }),
        policy: policy?.drift ?? "correct",
      });
      if (change === undefined) continue;
      const foundAt = change.op === "open" ? change.foundAt : observed.at;
      await apply(
        tx,
        known ?? newDrift({ id: newId("drf"), organizationId, stackId, hostId, foundAt }),
        change,
        report,
      );
    }
  }

  return async (tx, reports) => {
    // Nothing is known while the engine cannot be asked: what differed may still.
    const known = reports.filter(({ state }) => state.engineProblem === "");
    if (known.length === 0) return;
    const open = await readOpenOn(
      tx,
      known.map(({ hostId }) => hostId),
    );
    for (const report of known) await observeHost(tx, report, open.get(report.hostId) ?? new Map());
  };
}

function reportOf(stack: ObservedStack, { at, clockSkewMs }: ObservedDrift): DriftReport {
  return {
    revision: stack.revision,
    steps: boundedSteps(stack.drift),
    problem: stack.problem.replaceAll("\0", "").slice(0, MAX_PROBLEM_CHARACTERS),
    corrected: stack.corrected,
    at,
    ...(stack.driftSince === undefined ? {} : { since: inOurTime(stack.driftSince, clockSkewMs) }),
  };
}

export function newDrift(place: Pick<Drift, "id" | "organizationId" | "stackId" | "hostId" | "foundAt">): Drift {
  return { ...place, revision: 0, state: "open", steps: [], problem: "", asked: "", askedBy: "", endedBy: "" };
}
