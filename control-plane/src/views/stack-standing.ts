import type { StackStatus } from "@windflow/proto/api";
import { sql } from "kysely";
import {
  readObservedHosts,
  readObservedStacks,
  readStackGroups,
  type ObservedHost,
  type ObservedStackRow,
} from "../containers/index.ts";
import { countByStack } from "../drift/index.ts";
import type { HostPresence } from "../hosts/index.ts";
import type { Clock, UnitOfWork } from "../platform/index.ts";
import { placeStack, readOpenIds, readShorts, readStackHosts } from "../rollouts/index.ts";
import type { StackStanding } from "../stacks/index.ts";
import { placementSight } from "./placement-sight.ts";
import { reportFacts } from "./stack-facts.ts";
import {
  countedFacts,
  stackStatus,
  statusMessage,
  statusOfAlike,
  type HostStackFacts,
  type ProgressBoard,
} from "../status/index.ts";

/** The status of stacks, from presence, desired state and what the hosts last reported. */
export function createStackStanding(parts: { readonly clock: Clock; readonly progress: ProgressBoard }): StackStanding {
  const { clock, progress } = parts;

  /** Host by host, with everything that each of them says. */
  async function walkedOf(
    tx: UnitOfWork,
    stackIds: readonly string[],
    detail: "hosts" | "counts",
    onlyHostId: string,
  ): Promise<Map<string, StackStatus>> {
    const isWanted = ({ hostId }: { readonly hostId: string }): boolean => onlyHostId === "" || hostId === onlyHostId;
    const reports = (await readObservedStacks(tx, stackIds)).filter(isWanted);
    const desired = (await readStackHosts(tx, stackIds)).filter(isWanted);
    const hostIds = [...new Set([...reports.map((row) => row.hostId), ...desired.map((row) => row.hostId)])];
    const hosts = await readReachable(tx, hostIds);
    const observed = await readObservedHosts(tx, hostIds);
    const now = clock.now();
    const wantedOf = Map.groupBy(desired, (row) => row.stackId);
    const reportsOf = Map.groupBy(reports, (row) => row.stackId);
    const statuses = stackIds.map((stackId) => {
      const wanted = new Map(wantedOf.get(stackId)?.map((row) => [row.hostId, row.revision]));
      const reported = new Map(reportsOf.get(stackId)?.map((row) => [row.hostId, row]));
      const facts = [...new Set([...wanted.keys(), ...reported.keys()])].flatMap((hostId) => {
        const host = hosts.get(hostId);
        if (host === undefined) return [];
        return [factsOf(host, wanted.get(hostId) ?? 0, reported.get(hostId), observed.get(hostId), progress)];
      });
      // Counts have no order.
      const shown = detail === "counts" ? facts : facts.toSorted((a, b) => (a.hostName < b.hostName ? -1 : 1));
      return [stackId, statusMessage(stackStatus(shown, now), detail)] as const;
    });
    return new Map(statuses);
  }

  return {
    activeRollouts: readOpenIds,
    placementShorts: readShorts,
    placementOf: (tx, stack, revision) =>
      placeStack(tx, placementSight, { stack, revision: revision || stack.latestRevision, now: clock.now() }),
    imageDigests: async (tx, stackId, revision) => agreedImages(await readObservedStacks(tx, [stackId]), revision),
    stacksOn: async (tx, hostId) => {
      const { rows } = await sql<{
        stack_id: string;
      }>`SELECT stack_id FROM host_desired_stacks WHERE host_id = ${hostId}
        UNION SELECT stack_id FROM observed_stacks WHERE host_id = ${hostId}`.execute(tx.queries);
      return rows.map((row) => row.stack_id);
    },
    hostsDrifted: countByStack,
    statusOf: async (tx, stackIds, detail, onlyHostId = "") => {
      const counted = detail === "counts" && onlyHostId === "" ? await countedOf(tx, stackIds, clock.now()) : undefined;
      return counted ?? walkedOf(tx, stackIds, detail, onlyHostId);
    },
  };
}

/** By groups of hosts that stand alike; undefined while some can only be counted one by one. */
async function countedOf(
  tx: UnitOfWork,
  stackIds: readonly string[],
  now: Date,
): Promise<Map<string, StackStatus> | undefined> {
  if (stackIds.length === 0) return new Map();
  const groups = await readStackGroups(tx, stackIds);
  if (groups === undefined) return undefined;
  const byStack = Map.groupBy(groups, ({ stackId }) => stackId);
  return new Map(
    stackIds.map((stackId) => {
      const alike = (byStack.get(stackId) ?? []).map((group) => ({
        facts: countedFacts({ ...group, presence: group.presence as HostPresence }),
        hosts: group.hosts,
      }));
      return [stackId, statusMessage(statusOfAlike(alike, now), "counts")];
    }),
  );
}

// Hosts that resolved a tag at different times may have different images: then there is no one digest to show.
function agreedImages(rows: readonly ObservedStackRow[], revision: number): Record<string, string> {
  const agreed: Record<string, string> = {};
  const disputed = new Set<string>();
  for (const { report } of rows.filter((row) => row.report.revision === revision)) {
    for (const [reference, id] of Object.entries(report.pinnedImages)) {
      if ((agreed[reference] ?? id) !== id) disputed.add(reference);
      agreed[reference] = id;
    }
  }
  return Object.fromEntries(Object.entries(agreed).filter(([reference]) => !disputed.has(reference)));
}

interface ReachableHost {
  readonly hostId: string;
  readonly name: string;
  readonly presence: HostPresence;
  readonly presenceCause: string;
  readonly lastSeenAt: Date | null;
}

/** Whether hosts are reached, without what they say of themselves: a list of stacks on ten thousand hosts asks for each. */
async function readReachable(tx: UnitOfWork, hostIds: readonly string[]): Promise<Map<string, ReachableHost>> {
  const { rows } = await sql<ReachableHost>`SELECT id AS "hostId", name, presence, presence_cause AS "presenceCause",
    last_seen_at AS "lastSeenAt" FROM hosts WHERE id = ANY(${[...hostIds]})`.execute(tx.queries);
  return new Map(rows.map((host) => [host.hostId, host]));
}

function factsOf(
  host: ReachableHost,
  desiredRevision: number,
  row: ObservedStackRow | undefined,
  observed: ObservedHost | undefined,
  progress: ProgressBoard,
): HostStackFacts {
  return {
    hostId: host.hostId,
    hostName: host.name,
    presence: host.presence,
    presenceCause: host.presenceCause,
    desiredRevision,
    engineProblem: observed?.engineProblem ?? "",
    ...(host.lastSeenAt === null ? {} : { lastSeenAt: host.lastSeenAt }),
    ...(row === undefined || observed === undefined
      ? {}
      : { report: reportFacts(row.report, observed, progress.of(host.hostId, row.stackId)) }),
  };
}
