import { listHostSummaries, type HostSummary } from "../hosts/index.ts";
import {
  needsOf,
  noUse,
  planPlacement,
  type CurrentHost,
  type Placement,
  type PlacementHost,
  type PlacementPlan,
  type PublishedPort,
  type StackNeeds,
} from "../placement/index.ts";
import type { UnitOfWork } from "../platform/index.ts";
import { decodeModel, readBody, readRevisionSummary, type Stack } from "../stacks/index.ts";
import type { PlacementSight } from "./ports.ts";
import { compareGenerations } from "./model.ts";
import { readStackHosts, readWantedBodies } from "./store-desired.ts";
import { readLeavingHosts, readOpenRemovals } from "./store-leaving.ts";

/** What is placed, and when it is. */
export interface Placing {
  readonly stack: Pick<Stack, "id" | "placement">;
  /** Whose needs count; 0: of none. */
  readonly revision: number;
  /** Of a source that is no revision yet; the revision says it otherwise. */
  readonly hasSecrets?: boolean;
  readonly now: Date;
}

/** The hosts that the stack belongs on now, from everything that is known of the organization's hosts. */
export async function placeStack(tx: UnitOfWork, sight: PlacementSight, placing: Placing): Promise<PlacementPlan> {
  const { stack, now } = placing;
  const { placement } = stack;
  const summaries = await listHostSummaries(tx);
  const needs = await readNeeds(tx, placing);
  const current = await readCurrent(tx, sight, stack.id, needs.writtenVolumes.length > 0);
  const uses = await readUses(tx, sight, { stack, needs, hostIds: summaries.map(({ hostId }) => hostId) });
  const hosts = summaries.map((summary) => placementHost(summary, uses.get(summary.hostId) ?? noUse, now));
  return planPlacement({ placement, needs, hosts, current });
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
  };
}

async function readNeeds(tx: UnitOfWork, { stack, revision, hasSecrets }: Placing): Promise<StackNeeds> {
  const summary = revision === 0 ? undefined : await readRevisionSummary(tx, stack.id, revision);
  const secret = hasSecrets ?? summary?.hasSecrets ?? false;
  const asked = summary && takesRoom(stack.placement) ? summary.bodyDigest : undefined;
  const needs =
    asked === undefined ? undefined : await needsOfBody(tx, { stackId: stack.id, number: revision, digest: asked });
  return { ...noUse, writtenVolumes: [], ...needs, hasSecrets: secret };
}

/**
 * Where it is wanted, and where it was when the host was last heard of.
 * @param withUnknown also the hosts that were to take it off and have not been heard of since
 */
async function readCurrent(
  tx: UnitOfWork,
  sight: PlacementSight,
  stackId: string,
  withUnknown: boolean,
): Promise<CurrentHost[]> {
  const wanted = await readStackHosts(tx, [stackId]);
  const leaving = await readLeavingHosts(tx, stackId);
  const current = new Map(wanted.map(({ hostId }) => [hostId, { hostId, leaving: leaving.has(hostId) }]));
  const unknown = withUnknown ? await unknownRemovals(tx, sight, stackId) : [];
  for (const hostId of [...(await sight.hostsRunning(tx, stackId)), ...unknown])
    if (!current.has(hostId)) current.set(hostId, { hostId, leaving: true });
  return [...current.values()];
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
  readonly stack: Placing["stack"];
  readonly needs: StackNeeds;
  readonly hostIds: readonly string[];
}

/** What the other stacks and containers of the hosts take; nothing is read for a placement that does not ask. */
async function readUses(
  tx: UnitOfWork,
  sight: PlacementSight,
  { stack, needs, hostIds }: Room,
): Promise<Map<string, PlacementHost["used"]>> {
  if (!takesRoom(stack.placement)) return new Map();
  const uses = new Map<string, { cpus: number; memoryBytes: number; ports: PublishedPort[] }>();
  const useOf = (hostId: string): { cpus: number; memoryBytes: number; ports: PublishedPort[] } => {
    const use = uses.get(hostId) ?? { cpus: 0, memoryBytes: 0, ports: [] };
    uses.set(hostId, use);
    return use;
  };
  for (const { hostIds: wantedOn, ...body } of await readWantedBodies(tx)) {
    if (body.stackId === stack.id) continue;
    const other = await needsOfBody(tx, body);
    for (const hostId of wantedOn) {
      const use = useOf(hostId);
      use.cpus += other.cpus;
      use.memoryBytes += other.memoryBytes;
      use.ports.push(...other.ports);
    }
  }
  const published = needs.ports.length === 0 ? [] : await sight.publishedPorts(tx, stack.id, hostIds);
  for (const { hostId, ...port } of published) useOf(hostId).ports.push(port);
  return uses;
}

function takesRoom({ strategy, constraints }: Placement): boolean {
  return strategy !== "all" || constraints.freeCpus > 0 || constraints.freeMemoryBytes > 0;
}

async function needsOfBody(
  tx: UnitOfWork,
  { stackId, number, digest }: { readonly stackId: string; readonly number: number; readonly digest: string },
): Promise<StackNeeds> {
  const body = await readBody(tx, stackId, number, digest);
  if (body === undefined) throw new Error(`revision ${number} of ${stackId} has no body ${digest}`);
  return needsOf(decodeModel(body), false);
}
