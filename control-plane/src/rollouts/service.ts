import { listHostSummaries } from "../hosts/index.ts";
import { ProblemError, type Caller, type UnitOfWork } from "../platform/index.ts";
import { readDeployable, type DeployableRevision, type Stack } from "../stacks/index.ts";
import { createRolloutActs, type RolloutActs } from "./acts.ts";
import { requireAllowed, requireMayPass, requireMayProbe } from "./allowed.ts";
import type { Standing } from "./after-plan.ts";
import { rolloutsErrors } from "./errors.ts";
import { newRollout, openNew, stopOpen, type NewRollout } from "./open.ts";
import type { WaveCandidate } from "./plan-waves.ts";
import type { HostWork } from "./ports.ts";
import type { RolloutsParts } from "./parts.ts";
import { chooseStrategy } from "./service-strategy.ts";
import { lockPlacement } from "./store-kept.ts";
import { plainStrategy, type RolloutStrategy } from "./strategy.ts";
import { readStackOnHosts } from "./store-previous.ts";
import { readTargets } from "./targets.ts";

/** A rollout as it stands after its first step, with what its hosts report. */
export interface StartedRollout extends Standing {
  readonly work: ReadonlyMap<string, HostWork>;
}

export interface WantedRollout {
  readonly stackId: string;
  /** 0: the latest. */
  readonly revision: number;
  /** Absent: the stack's own, or all hosts at once. */
  readonly strategy?: RolloutStrategy | undefined;
  /** Keys of volumes that may be made anew, without their data, when their settings changed. */
  readonly recreateVolumes?: readonly string[];
  /** Why; for the history. */
  readonly reason?: string;
  readonly ignoreWindows?: boolean;
  readonly overrideLocalHolds?: boolean;
}

export interface RolloutsService extends RolloutActs {
  /** Starts a rollout of a revision (0: the latest); one of the same stack that is under way is superseded. */
  create(caller: Caller, wanted: WantedRollout): Promise<StartedRollout>;
  /** The same in the caller's transaction. */
  start(tx: UnitOfWork, caller: Caller, wanted: WantedRollout): Promise<Standing>;
  /** Takes the stack off its hosts, in the caller's transaction; undefined when it is on none. */
  remove(tx: UnitOfWork, caller: Caller, stack: Stack): Promise<string | undefined>;
}

export function createRolloutsService(parts: RolloutsParts): RolloutsService {
  const { database, clock, audit, sight } = parts;

  const start: RolloutsService["start"] = async (tx, caller, wanted) => {
    const { stack, revision } = await readDeployable(tx, wanted.stackId, wanted.revision);
    requireAllowed(caller, stack, revision);
    // What the stack's own strategy runs was written by somebody who may write the stack.
    if (wanted.strategy !== undefined) requireMayProbe(caller, wanted.strategy);
    requireMayPass(caller, stack, wanted);
    await lockPlacement(tx);
    const { candidates, short } = await readTargets(tx, sight, { stack, revision: revision.number, now: clock.now() });
    if (candidates.length === 0) {
      const detail = `the placement of ${stack.name} matches no approved host${short === "" ? "" : `: ${short}`}`;
      throw new ProblemError({ code: rolloutsErrors.WF_ROLLOUT_NO_HOST, detail });
    }
    const described = deployment(stack, revision, wanted);
    const opened = await openNew(tx, parts, caller, described, candidates, short);
    const { strategy, recreateVolumes, ignoreWindows, overrideLocalHolds, reason } = described;
    const detail = {
      stackId: stack.id,
      stackName: stack.name,
      revision: revision.number,
      hosts: candidates.length,
      waves: opened.rollout.waves.length,
      onFailure: strategy.onFailure,
      ...(recreateVolumes.length > 0 ? { recreateVolumes } : {}),
      ...(ignoreWindows ? { ignoreWindows } : {}),
      ...(overrideLocalHolds ? { overrideLocalHolds } : {}),
      ...(reason === "" ? {} : { reason }),
      ...(short === "" ? {} : { short }),
    };
    const { id: targetId } = opened.rollout;
    await audit.record(tx, caller, { action: "rollouts.create", targetKind: "rollout", targetId, detail });
    return opened;
  };

  return {
    ...createRolloutActs(parts),
    start,
    create: (caller, wanted) =>
      database.inOrganization(caller, async (tx) => {
        const opened = await start(tx, caller, wanted);
        const ids = opened.hosts.map((host) => host.hostId);
        return { ...opened, work: await sight.workOf(tx, wanted.stackId, ids) };
      }),
    remove: async (tx, caller, stack) => {
      const ids = [...(await readStackOnHosts(tx, stack.id)).keys()];
      if (ids.length === 0) {
        await stopOpen(tx, parts, stack.id, { cancelReason: "the stack was deleted" });
        return undefined;
      }
      const summaries = await listHostSummaries(tx, { hostIds: ids });
      const names = new Map(summaries.map((host) => [host.hostId, host.name]));
      const candidates = ids.map((hostId): WaveCandidate => {
        return { hostId, hostName: names.get(hostId) ?? hostId, labels: {}, action: "remove" };
      });
      const { rollout } = await openNew(tx, parts, caller, removal(stack), candidates);
      return rollout.id;
    },
  };
}

function deployment(stack: Stack, revision: DeployableRevision, wanted: WantedRollout): NewRollout {
  return newRollout(stack, {
    kind: "deploy",
    revision: revision.number,
    bodyDigest: revision.bodyDigest,
    strategy: chooseStrategy(stack, wanted.strategy),
    recreateVolumes: wanted.recreateVolumes ?? [],
    origin: revision.number < stack.currentRevision ? "rollback" : "person",
    reason: wanted.reason ?? "",
    ignoreWindows: wanted.ignoreWindows ?? false,
    overrideLocalHolds: wanted.overrideLocalHolds ?? false,
  });
}

function removal(stack: Stack): NewRollout {
  return newRollout(stack, {
    kind: "remove",
    revision: stack.currentRevision,
    bodyDigest: "",
    strategy: plainStrategy,
    origin: "person",
    reason: "the stack was deleted",
  });
}
