import { announce, recordEvent } from "../events/index.ts";
import { listHostSummaries } from "../hosts/index.ts";
import { usesFacts } from "../placement/index.ts";
import {
  commonErrors,
  ProblemError,
  requirePermission,
  type Caller,
  type Database,
  type UnitOfWork,
} from "../platform/index.ts";
import { readDeployable, stacksErrors, type DeployableRevision, type Stack } from "../stacks/index.ts";
import { advanceRollout, openRollout, type AdvanceParts } from "./advance.ts";
import type { Standing } from "./apply.ts";
import { rolloutsErrors } from "./errors.ts";
import { rolloutOpened } from "./events.ts";
import { isEnded } from "./model.ts";
import { placeStack } from "./placed.ts";
import type { HostWork } from "./ports.ts";
import { readOpenRolloutOf, readRollout, writeStop, type StoredRollout } from "./store.ts";
import { readStackHosts } from "./store-desired.ts";
import type { StoredRolloutHost } from "./store-hosts.ts";

/** How a rollout goes about it; everything has a default. */
export interface RolloutSettings {
  /** Hosts at a time; 0 means all. */
  readonly maxParallel: number;
  readonly failureBudget: number;
  readonly stableSeconds: number;
  /** 0 means the default. */
  readonly deadlineSeconds: number;
  /** Keys of volumes that may be made anew, without their data, when their settings changed. */
  readonly recreateVolumes: readonly string[];
}

/** A rollout as it stands after its first step, with what its hosts report. */
export interface StartedRollout extends Standing {
  readonly work: ReadonlyMap<string, HostWork>;
}

export interface WantedRollout extends Partial<RolloutSettings> {
  readonly stackId: string;
  /** 0: the latest. */
  readonly revision: number;
}

export interface RolloutsService {
  /** Starts a rollout of a revision (0: the latest); one of the same stack that is under way is superseded. */
  create(caller: Caller, wanted: WantedRollout): Promise<StartedRollout>;
  /** The same in the caller's transaction, with the usual settings. */
  start(tx: UnitOfWork, caller: Caller, wanted: WantedRollout): Promise<Standing>;
  cancel(caller: Caller, rolloutId: string, reason: string): Promise<StoredRollout>;
  /** Takes the stack off its hosts, in the caller's transaction; undefined when it is on none. */
  remove(tx: UnitOfWork, caller: Caller, stack: Stack): Promise<string | undefined>;
}

// Long enough to see a container that dies at once, short enough not to be waited for.
export const STABLE_SECONDS = 2;
// A pull of a large image over a slow line, and the start after it.
const DEADLINE_SECONDS = 300;

interface Parts extends AdvanceParts {
  readonly database: Database;
  readonly audit: {
    record(
      tx: UnitOfWork,
      caller: Caller,
      act: { action: string; targetKind: string; targetId: string; detail: Record<string, unknown> },
    ): Promise<void>;
  };
}

const defaults: RolloutSettings = {
  maxParallel: 0,
  failureBudget: 0,
  stableSeconds: STABLE_SECONDS,
  deadlineSeconds: 0,
  recreateVolumes: [],
};

export function createRolloutsService(parts: Parts): RolloutsService {
  const { database, clock, newId, audit } = parts;

  async function open(
    tx: UnitOfWork,
    caller: Caller,
    rollout: Omit<StoredRollout, "id" | "state" | "cause" | "createdBy" | "createdAt" | "organizationId">,
    hosts: readonly StoredRolloutHost[],
    short = "",
  ): Promise<Standing> {
    const { organizationId } = caller;
    const at = clock.now();
    const id = newId("rol");
    await stop(tx, rollout.stackId, { supersededBy: id });
    const stored: StoredRollout = {
      ...rollout,
      id,
      organizationId,
      state: "pending",
      cause: "not begun yet",
      createdBy: caller.name,
      createdAt: at,
    };
    announce(tx, { organizationId, kind: "rollout", id, parentId: rollout.stackId, change: "created", at });
    // The first step is in the same transaction: hosts hear of it with the commit.
    const opened = await openRollout(tx, { rollout: stored, hosts }, parts);
    // One that changed nothing is over already, and its end is in the history.
    if (!isEnded(opened.rollout.state)) await recordStart(tx, caller, opened, short);
    tx.emit(rolloutOpened, { organizationId, rolloutId: id });
    return opened;
  }

  async function recordStart(
    tx: UnitOfWork,
    caller: Caller,
    { rollout, hosts }: Standing,
    short: string,
  ): Promise<void> {
    const what = rollout.kind === "remove" ? " is taken off" : `: revision ${rollout.revision} goes to`;
    await recordEvent(tx, {
      id: newId("evt"),
      organizationId: rollout.organizationId,
      at: rollout.createdAt,
      type: "rollout.started",
      message: `${rollout.stackName}${what} ${hosts.length} ${hosts.length === 1 ? "host" : "hosts"}${short === "" ? "" : `; ${short}`}.`,
      severity: short === "" ? "info" : "warning",
      actor: caller.name,
      stackId: rollout.stackId,
    });
  }

  async function stop(tx: UnitOfWork, stackId: string, how: Parameters<typeof writeStop>[2]): Promise<void> {
    const running = await readOpenRolloutOf(tx, stackId);
    if (running === undefined) return;
    await writeStop(tx, running.id, how);
    await advanceRollout(tx, running.id, parts);
  }

  /** Where the revision goes, and which hosts it leaves because the stack does not belong there any more. */
  async function targets(
    tx: UnitOfWork,
    stack: Stack,
    revision: DeployableRevision,
  ): Promise<{ hosts: StoredRolloutHost[]; short: string }> {
    const running = await revisionsOnHosts(tx, stack.id);
    const placing = { stack, revision: revision.number, now: clock.now() };
    const { decisions, short } = await placeStack(tx, parts.sight, placing);
    const hosts = decisions.flatMap(({ host, chosen }): StoredRolloutHost[] => {
      const there = running.get(host.hostId);
      const leaves = leaving(host.hostId, host.name, there ?? 0);
      if (chosen) return [{ ...leaves, action: "deploy" }];
      return there === undefined || host.revoked ? [] : [leaves];
    });
    return { hosts: hosts.toSorted((a, b) => (a.action < b.action ? -1 : a.action > b.action ? 1 : 0)), short };
  }

  const start: RolloutsService["start"] = async (tx, caller, wanted) => {
    const { stack, revision } = await readDeployable(tx, wanted.stackId, wanted.revision);
    requireAllowed(caller, stack, revision);
    const { hosts, short } = await targets(tx, stack, revision);
    if (hosts.length === 0) {
      const detail = `the placement of ${stack.name} matches no approved host${short === "" ? "" : `: ${short}`}`;
      throw new ProblemError({ code: rolloutsErrors.WF_ROLLOUT_NO_HOST, detail });
    }
    const settings = { ...defaults, ...wanted };
    const described = { ...describe(stack, settings), kind: "deploy" as const, ...target(revision) };
    const opened = await open(tx, caller, described, hosts, short);
    const { id: targetId } = opened.rollout;
    const { recreateVolumes } = settings;
    const detail = {
      stackId: stack.id,
      stackName: stack.name,
      revision: revision.number,
      hosts: hosts.length,
      ...(recreateVolumes.length > 0 ? { recreateVolumes } : {}),
      ...(short === "" ? {} : { short }),
    };
    await audit.record(tx, caller, { action: "rollouts.create", targetKind: "rollout", targetId, detail });
    return opened;
  };

  return {
    start,
    create: (caller, wanted) =>
      database.inOrganization(caller, async (tx) => {
        const opened = await start(tx, caller, wanted);
        const ids = opened.hosts.map((host) => host.hostId);
        return { ...opened, work: await parts.sight.workOf(tx, wanted.stackId, ids) };
      }),
    cancel: (caller, rolloutId, reason) =>
      database.inOrganization(caller, async (tx) => {
        const rollout = await readRollout(tx, rolloutId, "lock");
        if (rollout === undefined) throw notFound(rolloutId);
        if (isEnded(rollout.state)) {
          throw new ProblemError({
            code: rolloutsErrors.WF_ROLLOUT_ENDED,
            detail: `it is ${rollout.state}: ${rollout.cause}`,
          });
        }
        await writeStop(tx, rolloutId, { cancelReason: reason });
        const advanced = await advanceRollout(tx, rolloutId, parts);
        const detail = { stackId: rollout.stackId, reason };
        await audit.record(tx, caller, {
          action: "rollouts.cancel",
          targetKind: "rollout",
          targetId: rolloutId,
          detail,
        });
        return advanced?.rollout ?? rollout;
      }),
    remove: async (tx, caller, stack) => {
      const running = await revisionsOnHosts(tx, stack.id);
      if (running.size === 0) {
        await stop(tx, stack.id, { cancelReason: "the stack was deleted" });
        return undefined;
      }
      const summaries = await listHostSummaries(tx, { hostIds: [...running.keys()] });
      const names = new Map(summaries.map((host) => [host.hostId, host.name]));
      const hosts = [...running].map(([hostId, revision]) => leaving(hostId, names.get(hostId) ?? hostId, revision));
      const { rollout } = await open(
        tx,
        caller,
        { ...describe(stack, defaults), kind: "remove", revision: stack.currentRevision, bodyDigest: "" },
        hosts,
      );
      return rollout.id;
    },
  };
}

function requireAllowed(caller: Caller, stack: Stack, revision: DeployableRevision): void {
  if (revision.privilegedServices.length > 0) requirePermission(caller, "stacks.deploy.privileged");
  if (revision.hasSecrets && usesFacts(stack.placement)) {
    throw new ProblemError({ code: stacksErrors.WF_STACK_FACT_SELECTOR });
  }
}

async function revisionsOnHosts(tx: UnitOfWork, stackId: string): Promise<Map<string, number>> {
  const rows = await readStackHosts(tx, [stackId]);
  return new Map(rows.map((row) => [row.hostId, row.revision]));
}

function leaving(hostId: string, hostName: string, previousRevision: number): StoredRolloutHost {
  return { hostId, hostName, action: "remove", state: "pending", cause: "not begun yet", previousRevision };
}

function target(revision: DeployableRevision): Pick<StoredRollout, "revision" | "bodyDigest"> {
  return { revision: revision.number, bodyDigest: revision.bodyDigest };
}

function describe(
  stack: Stack,
  settings: RolloutSettings,
): Pick<
  StoredRollout,
  "stackId" | "stackName" | "maxParallel" | "failureBudget" | "stableMs" | "deadlineMs" | "recreateVolumes"
> {
  return {
    stackId: stack.id,
    stackName: stack.name,
    maxParallel: settings.maxParallel,
    failureBudget: settings.failureBudget,
    stableMs: settings.stableSeconds * 1000,
    deadlineMs: (settings.deadlineSeconds || DEADLINE_SECONDS) * 1000,
    recreateVolumes: settings.recreateVolumes,
  };
}

function notFound(rolloutId: string): ProblemError {
  return new ProblemError({ code: commonErrors.WF_NOT_FOUND, detail: `there is no rollout ${rolloutId}` });
}
