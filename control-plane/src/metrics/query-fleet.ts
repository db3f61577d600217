import { findHosts, parseHostFilter, type HostFilter } from "../hosts/index.ts";
import { commonErrors, ProblemError, type Clock, type UnitOfWork } from "../platform/index.ts";
import { knownContainers } from "./containers.ts";
import {
  readByColumn,
  readBySubject,
  readNotRolledUp,
  TooMuchToRead,
  type UseFigure,
  type Wanted,
} from "./fleet-read.ts";
import { seriesRecipe, StepValues, type Aggregation } from "./fleet-shape.ts";
import { BUCKET_MS, bucketOf, BUCKETS_KEPT_MS, HALF_MS, keyOf, type Subject } from "./model.ts";
import type { ShownColumn } from "./shape.ts";
import { firstMark } from "./store-halves.ts";
import { rolledUpTo } from "./store-intake.ts";
import type { TimeRange } from "./store-tiers.ts";
import { findSubjects } from "./subjects.ts";
import { COLUMN_TIERS } from "./tier-rows.ts";

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
// Of columns of devices, which are kept by subject: about a second of work, and 30 MB while it lasts.
const MOST_ROWS = 50_000;
// Subjects times steps: 16 MB.
const MOST_VALUES = 1_000_000;
// What came in the last minutes is in small pieces: of more subjects than this it is left to the roll-up.
const MOST_FRESH_SUBJECTS = 400;
const MOST_FRESH_BATCHES = 10_000;

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
  if (members.length * atMs.length > MOST_VALUES) throw tooMuch();
  const numbers = new Map((await findSubjects(tx, members)).map((subject) => [keyOf(subject), subject.number]));
  const values = new StepValues(members.length, atMs.length, query.aggregation);
  const indices = new Map(
    members.flatMap((member, i) => {
      const number = numbers.get(keyOf(member));
      return number === undefined ? [] : [[number, i] as const];
    }),
  );
  const { kind, column, aggregation } = query;
  const wanted = { organizationId, kind, column, aggregation, subjects: new Set(indices.keys()) };
  const { unit, completeUntil } = await readAll(tx, wanted, range, now, (subject, at, value, count) => {
    const step = Math.floor((at - range.from.getTime()) / stepMs);
    if (step >= 0 && step < atMs.length) values.add(indices.get(subject) ?? 0, step, value, count);
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

/** From all tiers, each subject and bucket once. */
async function readAll(
  tx: UnitOfWork,
  wanted: Wanted,
  range: TimeRange,
  now: number,
  use: UseFigure,
): Promise<{ unit: ShownColumn["unit"] | undefined; completeUntil: Date }> {
  if (wanted.subjects.size === 0) return { unit: undefined, completeUntil: range.to };
  const seen = new Set<string>();
  let hasSome = false;
  const once: UseFigure = (subject, at, value, count) => {
    seen.add(`${subject} ${at}`);
    hasSome = true;
    use(subject, at, value, count);
  };
  // First, since it is rolled up while this reads: it is then there twice instead of not at all.
  const upTo = await rolledUpTo(tx);
  const isFew = wanted.subjects.size <= MOST_FRESH_SUBJECTS;
  const came = isFew
    ? await readNotRolledUp(tx, wanted, MOST_FRESH_BATCHES)
    : { isWhole: false, each: () => undefined };
  const bucketsFrom = new Date(bucketOf(now - BUCKETS_KEPT_MS, HALF_MS) + HALF_MS);
  const old = {
    from: new Date(bucketOf(range.from.getTime(), HALF_MS)),
    to: new Date(Math.min(range.to.getTime(), bucketsFrom.getTime())),
  };
  const recent = { from: new Date(Math.max(range.from.getTime(), bucketsFrom.getTime())), to: range.to };
  const recipe = seriesRecipe(wanted.kind, wanted.column);
  let unit = recipe?.unit;
  try {
    for (const [tier, part] of [
      ["metric_halves", old],
      ["metric_buckets", recent],
    ] as const) {
      if (recipe !== undefined) await readByColumn(tx, COLUMN_TIERS[tier], wanted, recipe, part, once);
      else unit = (await readBySubject(tx, tier, wanted, part, MOST_ROWS, once)) ?? unit;
    }
  } catch (error) {
    if (error instanceof TooMuchToRead) throw tooMuch();
    throw error;
  }
  // Late samples of a bucket that is rolled up are in it after the next roll-up.
  const ofCame = came.each((subject, at, value, count) => {
    if (!seen.has(`${subject} ${at}`) && !seen.has(`${subject} ${bucketOf(at, HALF_MS)}`))
      once(subject, at, value, count);
  });
  const missing = [
    came.isWhole ? undefined : (upTo ?? range.from),
    old.from < old.to ? await firstMark(tx) : undefined,
  ];
  const limits = missing.filter(
    (limit) => limit !== undefined && limit < range.to && (limit < bucketsFrom || !came.isWhole),
  );
  const completeUntil = new Date(Math.min(range.to.getTime(), ...limits.map((limit) => limit?.getTime() ?? 0)));
  return { unit: hasSome ? (unit ?? ofCame) : undefined, completeUntil };
}

function stepsOf(query: FleetQuery, now: number, keptMs: number): { range: TimeRange; stepMs: number; atMs: number[] } {
  const to = Math.min(query.to?.getTime() ?? now, now);
  const from = Math.max(query.from?.getTime() ?? to - DEFAULT_RANGE_MS, now - keptMs);
  // Half hours are the finest that is kept of what is older than a week.
  const width = from < now - BUCKETS_KEPT_MS ? HALF_MS : BUCKET_MS;
  const fromMs = bucketOf(from, width);
  const wanted = Math.max(0, to - fromMs) / (query.maxPoints || DEFAULT_POINTS);
  const stepMs = Math.max(1, Math.ceil(wanted / width)) * width;
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

function tooMuch(): ProblemError {
  return refused(
    "from",
    `the range and the hosts come to more than ${MOST_ROWS} rows of statistics, or ${MOST_VALUES} points: ask for a shorter time or fewer hosts`,
  );
}

function refused(path: string, message: string): ProblemError {
  const detail = `${path}: ${message}`;
  return new ProblemError({ code: commonErrors.WF_INVALID_ARGUMENT, detail, violations: [{ path, message }] });
}
