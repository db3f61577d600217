import { listHostSummaries, type HostSummary } from "../hosts/index.ts";
import {
  needsOf,
  noUse,
  planPlacement,
  type HostUse,
  type Placement,
  type PlacementHost,
  type PlacementInput,
  type PlacementPlan,
  type StackNeeds,
} from "../placement/index.ts";
import type { UnitOfWork } from "../platform/index.ts";
import { decodeModel, readBody, readRevisionSummary, type Stack } from "../stacks/index.ts";
import { compareGenerations } from "./model.ts";
import { currentOf, planKept, type KeptHost, type KeptPlan } from "./plan-kept.ts";
import type { PlacementSight } from "./ports.ts";
import { readKept, readLastActs, readReservedBodies } from "./store-kept.ts";
import { readOpenRemovals } from "./store-leaving.ts";

/** What is placed, and when it is. */
export interface Placing {
  readonly stack: Pick<Stack, "id" | "placement">;
  /** Whose needs count; 0: of none. */
  readonly revision: number;
  /** Of a source that is no revision yet; the revision says it otherwise. */
  readonly hasSecrets?: boolean;
  readonly now: Date;
  /** Read before, for many stacks in a row; all of the organization's hosts without it. */
  readonly summaries?: readonly HostSummary[];
  /** What hosts have left is read also where the placement does not ask. */
  readonly withRoom?: boolean;
  /** By body digest: what was decoded for other stacks is not decoded again. */
  readonly needsKnown?: Map<string, StackNeeds>;
}

/** Everything that decides where a stack belongs. */
export interface PlacingInput {
  readonly input: Omit<PlacementInput, "current">;
  readonly kept: readonly KeptHost[];
}

/** What has to change so that the stack is where it belongs now. */
export async function placeKept(
  tx: UnitOfWork,
  sight: PlacementSight,
  placing: Placing & { readonly again: boolean },
): Promise<KeptPlan> {
  const { revision, again } = placing;
  const { input, kept } = await readPlacing(tx, sight, placing);
  const plan = planKept(input, kept, { revision, again });
  // Of a host that comes it has to be known whether it was tried before.
  const known = new Set(kept.flatMap(({ hostId, last }) => (last === undefined ? [] : [hostId])));
  const unknown = plan.come.flatMap(({ hostId }) => (known.has(hostId) ? [] : [hostId]));
  const acts = new Map((await readLastActs(tx, placing.stack.id, unknown)).map((act) => [act.hostId, act]));
  if (acts.size === 0) return plan;
  const before = kept.map((host) => ({ ...acts.get(host.hostId), ...host }));
  const listed = new Set(kept.map(({ hostId }) => hostId));
  const more = [...acts.values()].flatMap((act) => (listed.has(act.hostId) ? [] : [{ ...act, mayRun: false }]));
  return planKept(input, [...before, ...more], { revision, again });
}

/** The hosts that the stack belongs on now, from everything that is known of the organization's hosts. */
export async function placeStack(tx: UnitOfWork, sight: PlacementSight, placing: Placing): Promise<PlacementPlan> {
  const { input, kept } = await readPlacing(tx, sight, placing);
  return planPlacement({ ...input, current: currentOf(kept) });
}

export async function readPlacing(tx: UnitOfWork, sight: PlacementSight, placing: Placing): Promise<PlacingInput> {
  const { stack, now } = placing;
  const { placement } = stack;
  const summaries = placing.summaries ?? (await listHostSummaries(tx));
  const needs = await readNeeds(tx, placing);
  const kept = await readKeptHosts(tx, sight, stack.id, needs.writtenVolumes.length > 0);
  const hostIds = summaries.map(({ hostId }) => hostId);
  const uses = isAsked(placing) ? await readUses(tx, sight, { placing, needs, hostIds }) : new Map<string, never>();
  const hosts = summaries.map((summary) => placementHost(summary, uses.get(summary.hostId) ?? noUse, now));
  return { input: { placement, needs, hosts }, kept };
}

function placementHost(host: HostSummary, used: PlacementHost["used"], now: Date): PlacementHost {
  const { hostId, name, environmentId, labels, revoked, awaitingApproval, arch, capabilities, memoryBytes } = host;
  const isAway = host.presence !== "online" && host.presence !== "stale";
  const awaySeconds = Math.max(0, (now.getTime() - host.presenceSince.getTime()) / 1000);
  return {
    hostId,
    name,
    environmentId,
    labels,
    revoked,
    awaitingApproval,
    arch,
    capabilities,
    memoryBytes,
    used,
    facts: { "fact/arch": arch },
    scheduling: host.scheduling,
    cpus: host.cpuCount,
    ...(isAway ? { awaySeconds } : {}),
    ...(host.diskFreeBytes === undefined ? {} : { diskFreeBytes: host.diskFreeBytes }),
  };
}

async function readNeeds(tx: UnitOfWork, placing: Placing): Promise<StackNeeds> {
  const { stack, revision, hasSecrets } = placing;
  const summary = revision === 0 ? undefined : await readRevisionSummary(tx, stack.id, revision);
  const secret = hasSecrets ?? summary?.hasSecrets ?? false;
  const asked = summary && isAsked(placing) ? summary.bodyDigest : undefined;
  const body = { stackId: stack.id, number: revision, digest: asked ?? "" };
  const needs = asked === undefined ? undefined : await needsOfBody(tx, body, placing.needsKnown);
  return { ...noUse, writtenVolumes: [], ...needs, hasSecrets: secret };
}

/**
 * Where it is wanted, where a rollout brings it or takes it off, and where it was when the host was last heard of.
 * @param withUnknown also the hosts that were to take it off and have not been heard of since
 */
async function readKeptHosts(
  tx: UnitOfWork,
  sight: PlacementSight,
  stackId: string,
  withUnknown: boolean,
): Promise<KeptHost[]> {
  const unknown = withUnknown ? await unknownRemovals(tx, sight, stackId) : [];
  const mayRun = new Set([...(await sight.hostsRunning(tx, stackId)), ...unknown]);
  const kept = (await readKept(tx, stackId)).map((host) => ({ ...host, mayRun: mayRun.delete(host.hostId) }));
  return [...kept, ...[...mayRun].map((hostId) => ({ hostId, wanted: false, mayRun: true }))];
}

async function unknownRemovals(tx: UnitOfWork, sight: PlacementSight, stackId: string): Promise<string[]> {
  const removals = await readOpenRemovals(tx, stackId);
  const ids = removals.map(({ hostId }) => hostId);
  const taken = await sight.generationsOf(tx, ids);
  return removals.flatMap(({ hostId, generation }) => {
    const seen = taken.get(hostId);
    return seen === undefined || compareGenerations(seen, generation) < 0 ? [hostId] : [];
  });
}

interface Room {
  readonly placing: Placing;
  readonly needs: StackNeeds;
  readonly hostIds: readonly string[];
}

/** What the other stacks and containers of the hosts take, and what rollouts under way bring there. */
async function readUses(
  tx: UnitOfWork,
  sight: PlacementSight,
  { placing, needs, hostIds }: Room,
): Promise<Map<string, HostUse>> {
  const { id: stackId } = placing.stack;
  const byHost = new Map<string, Map<string, HostUse>>();
  for (const { hostIds: wantedOn, ...body } of await readReservedBodies(tx)) {
    if (body.stackId === stackId) continue;
    const other = await needsOfBody(tx, body, placing.needsKnown);
    for (const hostId of wantedOn) {
      const stacks = byHost.get(hostId) ?? new Map<string, HostUse>();
      byHost.set(hostId, stacks);
      const before = stacks.get(body.stackId);
      stacks.set(body.stackId, before === undefined ? other : larger(before, other));
    }
  }
  const uses = new Map([...byHost].map(([hostId, stacks]) => [hostId, sumOf([...stacks.values()])]));
  const published = needs.ports.length === 0 ? [] : await sight.publishedPorts(tx, stackId, hostIds);
  for (const [hostId, ports] of Map.groupBy(published, (port) => port.hostId))
    uses.set(hostId, sumOf([uses.get(hostId) ?? noUse, { ...noUse, ports }]));
  return uses;
}

// While a rollout goes on, a host may run the revision before or the one that comes: it needs room for either.
function larger(a: HostUse, b: HostUse): HostUse {
  return {
    cpus: Math.max(a.cpus, b.cpus),
    memoryBytes: Math.max(a.memoryBytes, b.memoryBytes),
    ports: [...a.ports, ...b.ports],
  };
}

function sumOf(uses: readonly HostUse[]): HostUse {
  return {
    cpus: uses.reduce((sum, { cpus }) => sum + cpus, 0),
    memoryBytes: uses.reduce((sum, { memoryBytes }) => sum + memoryBytes, 0),
    ports: uses.flatMap(({ ports }) => ports),
  };
}

function isAsked({ stack, withRoom = false }: Placing): boolean {
  return withRoom || takesRoom(stack.placement);
}

function takesRoom({ strategy, constraints }: Placement): boolean {
  return strategy !== "all" || constraints.freeCpus > 0 || constraints.freeMemoryBytes > 0;
}

async function needsOfBody(
  tx: UnitOfWork,
  { stackId, number, digest }: { readonly stackId: string; readonly number: number; readonly digest: string },
  known: Map<string, StackNeeds> | undefined,
): Promise<StackNeeds> {
  const before = known?.get(digest);
  if (before !== undefined) return before;
  const body = await readBody(tx, stackId, number, digest);
  if (body === undefined) throw new Error(`revision ${number} of ${stackId} has no body ${digest}`);
  const needs = needsOf(decodeModel(body), false);
  known?.set(digest, needs);
  return needs;
}
