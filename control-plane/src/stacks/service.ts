import { isDeepStrictEqual } from "node:util";
import { announce } from "../events/index.ts";
import { placementViolations, type Placement } from "../placement/index.ts";
import {
  commonErrors,
  isUniqueViolation,
  ProblemError,
  requirePermission,
  type Caller,
  type Clock,
  type Database,
  type NewId,
  type UnitOfWork,
} from "../platform/index.ts";
import { missingRevision, requireStack } from "./deployable.ts";
import { stacksErrors } from "./errors.ts";
import { stackPlacementChanged } from "./events.ts";
import type { Revision, RevisionSummary, Stack } from "./model.ts";
import { defaultPolicy, hostPolicyOf, policyViolations, type StackPolicy } from "./policy.ts";
import type { AuditTrail, PolicyCarrier, StackRemover } from "./ports.ts";
import { deleteStack, insertStack, listStacks, updateStack } from "./store.ts";
import { listRevisions, readRevision, readSummary } from "./store-revisions.ts";

/** A stack that is not stored yet. */
export interface NewStack {
  readonly name: string;
  readonly placement: Placement;
  /** The compose project's name on the hosts; the stack's own without it. */
  readonly project?: string;
  /** Folder of the hosts that relative paths are meant from; the stack's own without it. */
  readonly workingDirectory?: string;
}

export interface StackChange {
  readonly stackId: string;
  readonly placement?: Placement | undefined;
  /** Takes effect on the hosts of the stack at once, without a rollout. */
  readonly policy?: StackPolicy | undefined;
  readonly etag: string;
}

export interface StacksService {
  create(caller: Caller, wanted: NewStack): Promise<Stack>;
  /** What a new stack will be; nothing is stored. */
  draft(caller: Caller, wanted: NewStack): Stack;
  /** Stores a new stack in the caller's transaction. Throws WF_ALREADY_EXISTS when its name is taken. */
  insert(tx: UnitOfWork, caller: Caller, stack: Stack): Promise<void>;
  /** An empty etag overwrites whatever is there; what is absent is kept. */
  update(caller: Caller, change: StackChange): Promise<Stack>;
  /** Returns the rollout that takes the stack off its hosts; undefined when it is gone at once. */
  delete(caller: Caller, stackId: string): Promise<string | undefined>;
  /** Stacks by name, after `after`. */
  list(
    tx: UnitOfWork,
    query: { filter: string; after?: string; limit: number; ids?: readonly string[] },
  ): Promise<{ stacks: Stack[]; total: number }>;
  get(tx: UnitOfWork, stackId: string): Promise<Stack>;
  getRevision(tx: UnitOfWork, stackId: string, number: number): Promise<Revision>;
  listRevisions(tx: UnitOfWork, query: { stackId: string; before?: number; limit: number }): Promise<RevisionSummary[]>;
}

interface Parts {
  readonly database: Database;
  readonly clock: Clock;
  readonly newId: NewId;
  readonly audit: AuditTrail;
  readonly remover: StackRemover;
  readonly carrier: PolicyCarrier;
}

export function createStacksService(parts: Parts): StacksService {
  const { database, clock, newId, audit, remover, carrier } = parts;

  function changed(tx: UnitOfWork, stack: Stack, change: "created" | "updated" | "deleted"): void {
    announce(tx, { organizationId: stack.organizationId, kind: "stack", id: stack.id, change, at: clock.now() });
  }
  const act = (stack: Stack, action: string): { action: string; targetKind: string; targetId: string } => {
    return { action: `stacks.${action}`, targetKind: "stack", targetId: stack.id };
  };

  function draft(caller: Caller, { name, placement, project = name, workingDirectory = "" }: NewStack): Stack {
    const at = clock.now();
    return {
      id: newId("stk"),
      organizationId: caller.organizationId,
      name,
      project,
      workingDirectory,
      placement: checkedPlacement(placement),
      policy: defaultPolicy,
      version: 1,
      latestRevision: 0,
      currentRevision: 0,
      deleting: false,
      createdAt: at,
      updatedAt: at,
    };
  }
  async function insert(tx: UnitOfWork, caller: Caller, stack: Stack): Promise<void> {
    const { name, placement } = stack;
    try {
      await insertStack(tx, stack);
    } catch (error) {
      if (!isUniqueViolation(error, "stacks_name")) throw error;
      const detail = `there is a stack ${name} already`;
      throw new ProblemError({ code: commonErrors.WF_ALREADY_EXISTS, detail, cause: error });
    }
    changed(tx, stack, "created");
    await audit.record(tx, caller, { ...act(stack, "create"), detail: { name, placement } });
  }

  return {
    draft,
    insert,
    create: async (caller, wanted) => {
      const stack = draft(caller, wanted);
      await database.inOrganization(caller, (tx) => insert(tx, caller, stack));
      return stack;
    },
    update: (caller, { stackId, placement, policy, etag }) =>
      database.inOrganization(caller, async (tx) => {
        const stack = await requireStack(tx, stackId, "lock");
        if (stack.deleting) throw new ProblemError({ code: stacksErrors.WF_STACK_DELETING });
        if (etag !== "" && etag !== etagOf(stack)) throw new ProblemError({ code: commonErrors.WF_ETAG_MISMATCH });
        if (placement !== undefined) await requireMayPlace(tx, caller, stack);
        const change = {
          ...(placement === undefined ? {} : { placement: checkedPlacement(placement) }),
          ...(policy === undefined ? {} : { policy: checkedPolicy(policy) }),
        };
        await updateStack(tx, stackId, { ...change, updatedAt: clock.now() });
        if (policy !== undefined && !sameOnHosts(policy, stack.policy)) await carrier.carryPolicy(tx, stack);
        changed(tx, stack, "updated");
        if (placement !== undefined) {
          tx.emit(stackPlacementChanged, { organizationId: stack.organizationId, stackId });
        }
        const before = {
          ...(placement === undefined ? {} : { placement: stack.placement }),
          ...(policy === undefined ? {} : { policy: stack.policy }),
        };
        const detail = { name: stack.name, ...change, before };
        await audit.record(tx, caller, { ...act(stack, "update"), detail });
        return requireStack(tx, stackId, "look");
      }),
    delete: (caller, stackId) =>
      database.inOrganization(caller, async (tx) => {
        const stack = await requireStack(tx, stackId, "lock");
        const rolloutId = await remover.remove(tx, caller, stack);
        if (rolloutId === undefined) await deleteStack(tx, stackId);
        else await updateStack(tx, stackId, { deleting: true, updatedAt: clock.now() });
        changed(tx, stack, rolloutId === undefined ? "deleted" : "updated");
        await audit.record(tx, caller, {
          ...act(stack, "delete"),
          detail: { name: stack.name, rolloutId: rolloutId ?? "" },
        });
        return rolloutId;
      }),
    list: listStacks,
    get: (tx, stackId) => requireStack(tx, stackId, "look"),
    getRevision: async (tx, stackId, number) => {
      const stack = await requireStack(tx, stackId, "look");
      const revision = await readRevision(tx, stackId, number);
      if (revision === undefined) throw missingRevision(stack, number);
      return revision;
    },
    listRevisions: async (tx, query) => {
      await requireStack(tx, query.stackId, "look");
      return listRevisions(tx, query);
    },
  };
}

export function etagOf(stack: Stack): string {
  return String(stack.version);
}

/** A stack that was rolled out follows its placement: what makes a container root on more hosts needs the right to that. */
async function requireMayPlace(tx: UnitOfWork, caller: Caller, stack: Stack): Promise<void> {
  for (const number of new Set([stack.currentRevision, stack.latestRevision])) {
    const revision = number === 0 ? undefined : await readSummary(tx, stack.id, number);
    if (revision !== undefined && revision.privilegedServices.length > 0)
      requirePermission(caller, "stacks.deploy.privileged");
  }
}

function checkedPlacement(placement: Placement): Placement {
  const violations = placementViolations(placement);
  if (violations.length > 0) throw new ProblemError({ code: commonErrors.WF_INVALID_ARGUMENT, violations });
  const unique = (ids: readonly string[]): string[] => [...new Set(ids)];
  return {
    ...placement,
    hostIds: unique(placement.hostIds),
    releasedHostIds: unique(placement.releasedHostIds),
  };
}

function checkedPolicy(policy: StackPolicy): StackPolicy {
  const violations = policyViolations(policy);
  if (violations.length > 0) throw new ProblemError({ code: commonErrors.WF_INVALID_ARGUMENT, violations });
  return policy;
}

/** Whether hosts are told the same: what rollouts make of a policy is nothing to them. */
function sameOnHosts(left: StackPolicy, right: StackPolicy): boolean {
  return isDeepStrictEqual(hostPolicyOf(left), hostPolicyOf(right));
}
