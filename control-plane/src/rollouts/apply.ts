import type { UnitOfWork } from "../platform/index.ts";
import { readDigest } from "../stacks/index.ts";
import { desiredStateChanged } from "./events.ts";
import { isEnded, isHostEnded, type Generation } from "./model.ts";
import type { RolloutPlan, RolloutStep } from "./plan.ts";
import type { StoredRollout } from "./store.ts";
import { changeDesired } from "./store-desired.ts";
import type { StoredRolloutHost } from "./store-hosts.ts";

/** A rollout with its hosts, as a transaction sees them. */
export interface Standing {
  readonly rollout: StoredRollout;
  readonly hosts: readonly StoredRolloutHost[];
}

type HostStep = Extract<RolloutStep, { op: "begin-host" | "set-host" }>;

/**
 * Does what the plan says, in the caller's transaction, and returns how things stand then. Desired states are written
 * here; the rollout and its hosts are written by the caller, once for all its rounds.
 */
export async function applyPlan(
  tx: UnitOfWork,
  before: Standing,
  plan: RolloutPlan,
  at: { readonly now: Date; readonly term: bigint },
): Promise<Standing> {
  const hostSteps = new Map<string, HostStep>();
  const restored = new Set<string>();
  let { rollout } = before;
  for (const step of plan.steps) {
    if (step.op === "set-rollout") rollout = standing(rollout, step, at.now);
    else if (step.op === "restore-host") restored.add(step.hostId);
    else hostSteps.set(step.hostId, step);
  }
  await restore(tx, before, restored, at);
  const generations = await begin(tx, before, hostSteps, at);
  const hosts = before.hosts.map((host) => {
    const step = hostSteps.get(host.hostId);
    return step === undefined ? host : hostAfter(host, step, generations.get(host.hostId), at.now);
  });
  return { rollout, hosts };
}

/** Changes the desired state of the hosts that are begun: the deploying and the leaving ones, in one go each. */
async function begin(
  tx: UnitOfWork,
  { rollout, hosts }: Standing,
  steps: ReadonlyMap<string, HostStep>,
  at: { readonly now: Date; readonly term: bigint },
): Promise<Map<string, Generation>> {
  const { organizationId, stackId, revision, bodyDigest, recreateVolumes } = rollout;
  const wanted = { revision, bodyDigest, attempt: rollout.id, recreateVolumes };
  const all = new Map<string, Generation>();
  for (const action of ["deploy", "remove"] as const) {
    const begun = hosts.filter((host) => host.action === action && steps.get(host.hostId)?.op === "begin-host");
    const { generations, changed } = await changeDesired(
      tx,
      begun.map((host) => host.hostId),
      {
        organizationId,
        stackId,
        want: action === "deploy" ? wanted : "nothing",
        term: at.term,
        at: at.now,
      },
    );
    for (const [hostId, generation] of generations) all.set(hostId, generation);
    for (const hostId of changed) tx.emit(desiredStateChanged, { organizationId, hostId });
  }
  return all;
}

/** Wants again what each host had to run before the rollout. */
async function restore(
  tx: UnitOfWork,
  { rollout, hosts }: Standing,
  hostIds: ReadonlySet<string>,
  at: { readonly now: Date; readonly term: bigint },
): Promise<void> {
  const { organizationId, stackId } = rollout;
  const groups = Map.groupBy(
    hosts.filter((host) => hostIds.has(host.hostId)),
    (host) => host.previousRevision,
  );
  for (const [revision, members] of groups) {
    const bodyDigest = await readDigest(tx, stackId, revision);
    const want =
      bodyDigest === undefined ? "nothing" : { revision, bodyDigest, attempt: rollout.id, recreateVolumes: [] };
    const ids = members.map((host) => host.hostId);
    const { changed } = await changeDesired(tx, ids, { organizationId, stackId, want, term: at.term, at: at.now });
    for (const hostId of changed) tx.emit(desiredStateChanged, { organizationId, hostId });
  }
}

function hostAfter(
  host: StoredRolloutHost,
  step: HostStep,
  generation: Generation | undefined,
  now: Date,
): StoredRolloutHost {
  const deadline = step.deadlineAt === undefined ? {} : { deadlineAt: step.deadlineAt };
  if (step.op === "begin-host") {
    if (generation === undefined) throw new Error(`the desired state of ${step.target} was not written`);
    return { ...host, state: "applying", cause: step.cause, generation, startedAt: now, ...deadline };
  }
  const ended = isHostEnded(step.state) ? { endedAt: now } : {};
  return { ...host, state: step.state, cause: step.cause, ...deadline, ...ended };
}

function standing(rollout: StoredRollout, step: Extract<RolloutStep, { op: "set-rollout" }>, now: Date): StoredRollout {
  return {
    ...rollout,
    state: step.state,
    cause: step.cause,
    ...(rollout.startedAt === undefined ? { startedAt: now } : {}),
    ...(isEnded(step.state) ? { endedAt: now } : {}),
  };
}
