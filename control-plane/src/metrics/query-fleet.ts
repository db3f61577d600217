import { setImmediate as breathe } from "node:timers/promises";
import { findHosts, parseHostFilter, type HostFilter } from "../hosts/index.ts";
import { commonErrors, ProblemError, type Clock, type UnitOfWork } from "../platform/index.ts";
import { decodeChunk } from "./codec.ts";
import { knownContainers } from "./containers.ts";
import { statisticOf, StepValues, storedColumnsOf, type Aggregation } from "./fleet-shape.ts";
import { BUCKET_MS, bucketOf, kindOf, mergeSamples, type Samples, type Subject } from "./model.ts";
import type { ShownColumn } from "./shape.ts";
import { statisticsAsSamples, statisticsOf } from "./statistics.ts";
import { namesOf, type StoredChunk } from "./store.ts";
import { countPending, readPendingOf, readRolledOf, type Subjects, type TimeRange } from "./store-fleet.ts";

export interface FleetQuery {
  readonly column: string;
  readonly kind: "host" | "container";
  readonly aggregation: Aggregation;
  /** Empty: all. */
  readonly hostIds: readonly string[];
  readonly hostFilter: string;
  readonly stackId: string;
  readonly service: string;
  /** A label of hosts, `@host`, `@stack`, `@service`, or empty for one series. */
  readonly groupBy: string;
  readonly from: Date | undefined;
  readonly to: Date | undefined;
  /** 0 means the default. */
  readonly maxPoints: number;
}

export interface FleetAnswer {
  readonly atMs: number[];
  readonly stepMs: number;
  readonly unit: ShownColumn["unit"] | undefined;
  readonly series: { readonly group: string; readonly values: number[]; readonly counts: number[] }[];
  readonly completeUntil: Date;
}

const DEFAULT_RANGE_MS = 60 * 60_000;
const DEFAULT_POINTS = 300;
// What one control plane serves; a page of more hosts than these says nothing.
const MOST_HOSTS = 20_000;
const MOST_CONTAINERS = 50_000;
// More lines than anybody tells apart.
const MOST_SERIES = 200;
// About a second of work, and 30 MB while it lasts: 1,000 hosts for four hours, one for half a year.
export const MOST_CHUNKS = 50_000;
// Subjects times steps: 16 MB.
const MOST_VALUES = 1_000_000;
// What came in the last minutes is in small pieces: beyond this many buckets it is left to the roll-up.
const MOST_PENDING = 400;
const MOST_PENDING_CHUNKS = 10_000;
// Others are served in between.
const CHUNKS_AT_A_TIME = 1000;

interface Member extends Subject {
  readonly group: string;
}

/** Throws WF_INVALID_ARGUMENT for a filter that is none, and for more than can be put together at once. */
export async function queryFleetMetrics(
  tx: UnitOfWork,
  organizationId: string,
  query: FleetQuery,
  { clock, keptMs }: { readonly clock: Clock; readonly keptMs: number },
): Promise<FleetAnswer> {
  const now = clock.now().getTime();
  const { range, stepMs, atMs } = stepsOf(query, now, keptMs);
  const members = await findMembers(tx, organizationId, query, range.from);
  const bounds = { members: members.length, steps: atMs.length };
  if (bounds.members * bounds.steps > MOST_VALUES) throw tooMuch();
  const subjects: Subjects = {
    hostIds: [...new Set(members.map(({ hostId }) => hostId))],
    containerIds: query.kind === "host" ? undefined : members.map(({ containerId }) => containerId),
  };
  const values = new StepValues(members.length, atMs.length, query.aggregation);
  const indices = new Map(members.map((member, i) => [keyOf(member), i]));
  let unit: ShownColumn["unit"] | undefined;
  const add = (subject: Subject, at: number, samples: Samples): void => {
    const index = indices.get(keyOf(subject));
    const found = statisticOf(query.kind, query.column, query.aggregation, samples.columns);
    if (index === undefined || found === undefined) return;
    unit = found.unit;
    values.add(index, Math.floor((at - range.from.getTime()) / stepMs), found.value);
  };

  const rolled = await readRolledOf(tx, subjects, range, MOST_CHUNKS + 1);
  if (rolled.length > MOST_CHUNKS) throw tooMuch();
  const done = new Set<string>();
  await eachDecoded(tx, rolled, query, (chunk, samples) => {
    done.add(`${keyOf(chunk)} ${chunk.at.getTime()}`);
    add(chunk, chunk.at.getTime(), samples);
  });
  const completeUntil = await addPending(tx, subjects, range, query, (subject, bucketMs, samples) => {
    // Late samples of a bucket that is rolled up are in it after the next roll-up.
    if (!done.has(`${keyOf(subject)} ${bucketMs}`)) add(subject, bucketMs, samples);
  });
  const groups = Map.groupBy(members.keys(), (index) => members[index]?.group ?? "");
  if (groups.size > MOST_SERIES) {
    throw refused(
      "groupBy",
      `makes ${groups.size} series, at most ${MOST_SERIES}: narrow the hosts, or group by another`,
    );
  }
  const series = [...groups]
    .map(([group, indicesOfGroup]) => ({ group, ...values.together(indicesOfGroup) }))
    .toSorted((a, b) => (a.group < b.group ? -1 : 1));
  return { atMs, stepMs, unit, series, completeUntil };
}

function stepsOf(query: FleetQuery, now: number, keptMs: number): { range: TimeRange; stepMs: number; atMs: number[] } {
  const to = Math.min(query.to?.getTime() ?? now, now);
  const from = Math.max(query.from?.getTime() ?? to - DEFAULT_RANGE_MS, now - keptMs);
  const fromMs = bucketOf(from);
  const wanted = Math.max(0, to - fromMs) / (query.maxPoints || DEFAULT_POINTS);
  const stepMs = Math.max(1, Math.ceil(wanted / BUCKET_MS)) * BUCKET_MS;
  const count = Math.max(0, Math.ceil((to - fromMs) / stepMs));
  const range = { from: new Date(fromMs), to: new Date(Math.max(fromMs, to)) };
  return { range, stepMs, atMs: Array.from({ length: count }, (_, i) => fromMs + i * stepMs) };
}

async function findMembers(tx: UnitOfWork, organizationId: string, query: FleetQuery, since: Date): Promise<Member[]> {
  const filter: HostFilter | undefined = parseHostFilter(query.hostFilter);
  if (filter === undefined) throw refused("hostFilter", "cannot be understood; write it as the list of hosts takes it");
  const hosts = await findHosts(tx, { organizationId, filter, hostIds: query.hostIds, limit: MOST_HOSTS });
  const byId = new Map(hosts.map((host) => [host.hostId, host]));
  const labelOf = (hostId: string): string =>
    query.groupBy === "@host" ? (byId.get(hostId)?.name ?? "") : (byId.get(hostId)?.labels[query.groupBy] ?? "");
  if (query.kind === "host") {
    return hosts.map(({ hostId }) => ({ hostId, containerId: "", group: query.groupBy === "" ? "" : labelOf(hostId) }));
  }
  const containers = await knownContainers(tx, {
    organizationId,
    hostIds: [...byId.keys()],
    stackId: query.stackId,
    service: query.service,
    since,
    limit: MOST_CONTAINERS + 1,
  });
  if (containers.length > MOST_CONTAINERS) throw tooMuch();
  return containers.map(({ hostId, containerId, stackId, service }) => {
    const group =
      query.groupBy === "@stack" ? stackId : query.groupBy === "@service" ? service : query.groupBy && labelOf(hostId);
    return { hostId, containerId, group };
  });
}

/** Gives up to where everything that came is in the answer. */
async function addPending(
  tx: UnitOfWork,
  subjects: Subjects,
  range: TimeRange,
  query: FleetQuery,
  add: (subject: Subject, bucketMs: number, samples: Samples) => void,
): Promise<Date> {
  const pending = await countPending(tx, subjects, range);
  if (pending.first === undefined) return range.to;
  if (pending.count > MOST_PENDING) return pending.first;
  const chunks = await readPendingOf(tx, subjects, range, MOST_PENDING_CHUNKS + 1);
  if (chunks.length > MOST_PENDING_CHUNKS) return pending.first;
  const buckets = new Map<string, { subject: Subject; bucketMs: number; parts: Samples[] }>();
  const bucketOfChunk = new Map(chunks.map((chunk) => [chunk as StoredChunk, chunk.bucket.getTime()]));
  await eachDecoded(tx, chunks, query, (chunk, samples) => {
    const bucketMs = bucketOfChunk.get(chunk) ?? 0;
    const key = `${keyOf(chunk)} ${bucketMs}`;
    const known = buckets.get(key) ?? { subject: chunk, bucketMs, parts: [] };
    known.parts.push(samples);
    buckets.set(key, known);
  });
  for (const { subject, bucketMs, parts } of buckets.values()) {
    add(subject, bucketMs, statisticsAsSamples(query.kind, statisticsOf(bucketMs, mergeSamples(parts))));
  }
  return range.to;
}

async function eachDecoded(
  tx: UnitOfWork,
  chunks: readonly StoredChunk[],
  query: FleetQuery,
  use: (chunk: StoredChunk, samples: Samples) => void,
): Promise<void> {
  const wanted = storedColumnsOf(query.kind, query.column);
  const layouts = await namesOf(
    tx,
    chunks.map(({ layout }) => layout),
  );
  for (const [i, chunk] of chunks.entries()) {
    if (i % CHUNKS_AT_A_TIME === CHUNKS_AT_A_TIME - 1) await breathe();
    const names = layouts.get(chunk.layout) ?? [];
    use(chunk, decodeChunk(kindOf(chunk), { names, bytes: chunk.bytes }, wanted));
  }
}

function keyOf({ hostId, containerId }: Subject): string {
  return `${hostId} ${containerId}`;
}

function tooMuch(): ProblemError {
  return refused(
    "from",
    `the range and the hosts come to more than ${MOST_CHUNKS} five-minute figures: ask for a shorter time or fewer hosts`,
  );
}

function refused(path: string, message: string): ProblemError {
  const detail = `${path}: ${message}`;
  return new ProblemError({ code: commonErrors.WF_INVALID_ARGUMENT, detail, violations: [{ path, message }] });
}
