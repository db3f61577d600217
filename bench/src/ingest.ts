// Figures of hosts from their spools to committed rows, what they need on disk, and queries over them; beside VictoriaMetrics with the
// same series. The way is the shipped one: packed batches, group commit with synchronous commit, acknowledged after it.
import { startTestMetrics, type TestMetrics } from "@windflow/control-plane/testing";
import { packSamples } from "@windflow/core";
import type { SpoolEntry } from "@windflow/proto/agent";
import { loadavg } from "node:os";
import { measureContainers } from "./ingest/containers.ts";
import { bodyOf, startPeer, type Peer } from "./ingest/peer.ts";
import { processorSeconds } from "./ingest/processor.ts";
import { COLUMNS, createSeries, type HostBatch } from "./ingest/series.ts";
import { growthExponent, median } from "./measure/statistics.ts";

interface Scale {
  readonly hosts: number;
  readonly rounds: number;
  /** Hosts with fifty containers each. */
  readonly containerHosts: number;
  /** Hosts of the query over many, an hour of each. */
  readonly queryHosts: number;
  readonly queries: number;
  readonly peer: boolean;
}

const FULL: Scale = { hosts: 100, rounds: 7, containerHosts: 20, queryHosts: 1000, queries: 20, peer: true };
const SMALL: Scale = { hosts: 5, rounds: 1, containerHosts: 0, queryHosts: 5, queries: 2, peer: false };
const START = Date.parse("2026-11-20T00:00:00Z");
const MINUTE_MS = 60_000;
const BUCKET_MS = 5 * MINUTE_MS;
const SAMPLE_MS = 5000;
// Shipped each 15 s.
const SAMPLES = 3;
const BATCH_MS = SAMPLES * SAMPLE_MS;
const ROUND_MS = 10 * MINUTE_MS;
const HOUR_MS = 60 * MINUTE_MS;

interface Sent {
  readonly host: string;
  readonly batch: HostBatch;
}
interface Round {
  readonly figures: number;
  readonly seconds: number;
  readonly processor: number;
}

/** Arguments: `--small` five hosts, one round, without the peer; `--hosts N`; `--rounds N`; `--query-hosts N`. */
export async function run(args: string[]): Promise<object> {
  const small = args.includes("--small");
  const numberOf = (flag: string, fallback: number): number => Number(args[args.indexOf(flag) + 1]) || fallback;
  const base = small ? SMALL : FULL;
  const scale = {
    ...base,
    hosts: numberOf("--hosts", base.hosts),
    rounds: numberOf("--rounds", base.rounds),
    queryHosts: numberOf("--query-hosts", base.queryHosts),
  };
  const metrics = await startTestMetrics(START);
  const peer = scale.peer ? await startPeer() : undefined;
  try {
    return await measure(metrics, peer, scale);
  } finally {
    await peer?.stop();
    await metrics.stop();
  }
}

async function measure(metrics: TestMetrics, peer: Peer | undefined, scale: Scale): Promise<object> {
  const hosts = await newHosts(metrics, "ingest", scale.hosts);
  let rollUpSeconds = 0;
  const ours: Round[] = [];
  const theirs: Round[] = [];
  for (let round = 0; round < scale.rounds; round++) {
    const groups = groupsOf(hosts, metrics.clock.now().getTime());
    const wire = wireOf(groups);
    ours.push(await timed(groups, () => takeAll(metrics, wire), ownSeconds(peer)));
    if (peer !== undefined) {
      const bodies = groups.map(bodyOf);
      theirs.push(
        await timed(
          groups,
          () => peer.ingest(bodies),
          () => peer.processorSeconds(),
        ),
      );
    }
    rollUpSeconds += await rollUp(metrics, peer);
  }
  const growth = await measureGrowth(metrics, peer, hosts);
  metrics.clock.advance(2 * MINUTE_MS);
  rollUpSeconds += await rollUp(metrics, peer);
  const figures = [...ours, ...growth.rounds].reduce((sum, round) => sum + round.figures, 0);
  const bytes = await metrics.bytes();
  const counted = await countSamples(metrics, hosts[0]?.id ?? "");
  const peerBytes = await peer?.bytes();
  const queries = await measureQueries(metrics, peer, scale);
  const containers =
    scale.containerHosts === 0
      ? undefined
      : await measureContainers(scale.containerHosts, peer === undefined ? [] : [peer.pid]);
  const result = {
    hosts: scale.hosts,
    figures,
    samplesOfFirstHost: counted,
    figuresPerSecond: middle(ours, (round) => round.figures / round.seconds),
    figuresPerProcessorSecond: middle(ours, (round) => round.figures / round.processor),
    rollUpProcessorMsPerBucket: Number(((1000 * rollUpSeconds) / bucketsOf(figures)).toFixed(2)),
    bytesPerFigure: Number((bytes.raw / figures).toFixed(2)),
    bytesPerBucket: {
      fiveMinutes: Math.round(bytes.buckets / bucketsOf(figures)),
      halfHour: Math.round((6 * bytes.halves) / bucketsOf(figures)),
      byColumn: Math.round(bytes.columns / bucketsOf(figures)),
    },
    growthExponent: growth.exponent,
    queryP95Ms: queries.ours,
    ...(containers === undefined ? {} : { containers }),
    ...(peerBytes === undefined
      ? {}
      : {
          peer: {
            figuresPerSecond: middle(theirs, (round) => round.figures / round.seconds),
            figuresPerProcessorSecond: middle(theirs, (round) => round.figures / round.processor),
            bytesPerFigure: Number((peerBytes / figures).toFixed(2)),
            queryP95Ms: queries.theirs,
          },
        }),
  };
  console.log(`load average ${loadavg()[0]?.toFixed(1)}`);
  console.table(flat(result));
  return { bench: "ingest", ...result };
}

const bucketsOf = (figures: number): number => figures / COLUMNS.length / (BUCKET_MS / SAMPLE_MS);

/** Seconds of this process and of the database below it. */
const ownSeconds = (peer: Peer | undefined) => (): number =>
  processorSeconds(process.pid, peer === undefined ? [] : [peer.pid]);

/** Between the rounds, as it goes on all the time; gives its seconds of processor. */
async function rollUp(metrics: TestMetrics, peer: Peer | undefined): Promise<number> {
  const before = ownSeconds(peer)();
  await metrics.rollUp();
  return ownSeconds(peer)() - before;
}

interface BenchHost {
  readonly id: string;
  readonly next: ReturnType<typeof createSeries>;
}

async function newHosts(metrics: TestMetrics, prefix: string, count: number): Promise<BenchHost[]> {
  const hosts: BenchHost[] = [];
  for (let i = 0; i < count; i++) {
    hosts.push({
      id: await metrics.fleet.addHost(`${prefix}-${i}`, { site: `site-${i % 10}` }),
      next: createSeries(i + 1),
    });
  }
  return hosts;
}

/** Ten minutes of each host, in the order in which they come: every host's batch of 15 s, then the next. */
function groupsOf(hosts: readonly BenchHost[], fromMs: number): Sent[][] {
  return Array.from({ length: ROUND_MS / BATCH_MS }, (_, i) =>
    hosts.map(({ id, next }) => ({ host: id, batch: next(fromMs + i * BATCH_MS, SAMPLES, SAMPLE_MS) })),
  );
}

const sequences = new Map<string, number>();

interface Packed {
  readonly host: string;
  readonly entry: SpoolEntry;
}

/** As agents send it: packed, which costs the agents and not us. */
function wireOf(groups: readonly (readonly Sent[])[]): Packed[][] {
  return groups.map((group) => group.map(packed));
}

function packed({ host, batch }: Sent): Packed {
  const sequence = (sequences.get(host) ?? 0) + 1;
  sequences.set(host, sequence);
  const columns = batch.columns.map(({ name, values }) => ({ name, values }));
  const atMs = batch.atMs.map(BigInt);
  const value = packSamples({ containerId: "", atMs, columns, packedColumns: new Uint8Array(0) });
  return { host, entry: { sequence: BigInt(sequence), at: undefined, kind: { $case: "samples", value } } };
}

async function takeAll(metrics: TestMetrics, groups: readonly (readonly Packed[])[]): Promise<void> {
  for (const group of groups) {
    // A batch is sent when its last sample was taken.
    metrics.clock.advance(BATCH_MS);
    await Promise.all(group.map(({ host, entry }) => metrics.take(host, [entry])));
  }
}

async function timed(
  groups: readonly (readonly Sent[])[],
  work: () => Promise<void>,
  processor: () => number,
): Promise<Round> {
  const figures = groups.flat().length * SAMPLES * COLUMNS.length;
  const [start, used] = [performance.now(), processor()];
  await work();
  return { figures, seconds: (performance.now() - start) / 1000, processor: processor() - used };
}

/** A quarter, half and all of the hosts: processor seconds over their number. */
async function measureGrowth(
  metrics: TestMetrics,
  peer: Peer | undefined,
  hosts: readonly BenchHost[],
): Promise<{ exponent: number; rounds: Round[] }> {
  const rounds: Round[] = [];
  const points: { x: number; y: number }[] = [];
  for (const part of [4, 2, 1]) {
    const some = hosts.slice(0, Math.ceil(hosts.length / part));
    const groups = groupsOf(some, metrics.clock.now().getTime());
    const wire = wireOf(groups);
    const round = await timed(groups, () => takeAll(metrics, wire), ownSeconds(peer));
    await peer?.ingest(groups.map(bodyOf));
    await metrics.rollUp();
    rounds.push(round);
    points.push({ x: some.length, y: round.processor });
  }
  return { exponent: Number(growthExponent(points).toFixed(2)), rounds };
}

/** What a query gives back of a host: nothing may be missing and nothing twice. */
async function countSamples(metrics: TestMetrics, hostId: string): Promise<number> {
  const range = { from: new Date(START), to: metrics.clock.now(), maxPoints: 100_000 };
  return (await metrics.query(hostId, range)).atMs.length;
}

interface QueryTimes {
  oneHostOneDay: number;
  manyHostsOneHour: number;
}

/** One host for a day, and many for an hour; one sample in five minutes is enough, since the rows are as long. */
async function measureQueries(
  metrics: TestMetrics,
  peer: Peer | undefined,
  scale: Scale,
): Promise<{ ours: QueryTimes; theirs: QueryTimes }> {
  const toMs = Math.floor(metrics.clock.now().getTime() / BUCKET_MS) * BUCKET_MS + 24 * HOUR_MS;
  const many = await newHosts(metrics, "many", scale.queryHosts);
  metrics.clock.advance(toMs - metrics.clock.now().getTime() + 2 * MINUTE_MS);
  await fill(metrics, peer, many.slice(0, 1), toMs - 24 * HOUR_MS, toMs - HOUR_MS);
  await fill(metrics, peer, many, toMs - HOUR_MS, toMs);
  await metrics.rollUp();
  const [one] = many;
  const hostId = one?.id ?? "";
  const day = { fromMs: toMs - 24 * HOUR_MS, toMs, stepMs: BUCKET_MS };
  const hour = { fromMs: toMs - HOUR_MS, toMs, stepMs: BUCKET_MS };
  const ours = {
    oneHostOneDay: await p95(scale.queries, async () => {
      await metrics.query(hostId, { from: new Date(day.fromMs), to: new Date(toMs), maxPoints: 288 });
    }),
    manyHostsOneHour: await p95(scale.queries, async () => {
      const range = { from: new Date(hour.fromMs), to: new Date(toMs), hostFilter: "many-" };
      await metrics.queryFleet({ column: "cpu_percent", groupBy: "site", ...range });
    }),
  };
  if (peer === undefined) return { ours, theirs: { oneHostOneDay: Number.NaN, manyHostsOneHour: Number.NaN } };
  const theirs = {
    // A host page shows all of its figures, and ours gives them in one answer.
    oneHostOneDay: await p95(scale.queries, () =>
      peer.query(`avg_over_time({host="${hostId}"}[5m])`, day).then(() => undefined),
    ),
    manyHostsOneHour: await p95(scale.queries, () =>
      peer.query("avg(avg_over_time(cpu_used_ratio[5m]))", hour).then(() => undefined),
    ),
  };
  return { ours, theirs };
}

async function fill(
  metrics: TestMetrics,
  peer: Peer | undefined,
  hosts: readonly BenchHost[],
  fromMs: number,
  toMs: number,
): Promise<void> {
  for (let hour = fromMs; hour < toMs; hour += HOUR_MS) {
    const times = Array.from({ length: HOUR_MS / BUCKET_MS }, (_, i) => hour + i * BUCKET_MS);
    const groups = times.map((at) => hosts.map(({ id, next }) => ({ host: id, batch: next(at, 1, SAMPLE_MS) })));
    // An hour of each host at once, as after a cut: intake waits a moment for what else comes.
    const byHost = Map.groupBy(wireOf(groups).flat(), ({ host }) => host);
    await Promise.all(
      [...byHost].map(([host, sent]) =>
        metrics.take(
          host,
          sent.map(({ entry }) => entry),
        ),
      ),
    );
    await peer?.ingest(groups.map(bodyOf));
  }
}

async function p95(rounds: number, work: () => Promise<void>): Promise<number> {
  await work();
  const times: number[] = [];
  for (let i = 0; i < rounds; i++) {
    const start = performance.now();
    await work();
    times.push(performance.now() - start);
  }
  return Number((times.toSorted((a, b) => a - b)[Math.ceil(times.length * 0.95) - 1] ?? Number.NaN).toFixed(1));
}

function middle(rounds: readonly Round[], figure: (round: Round) => number): number {
  return Math.round(median(rounds.map(figure)));
}

function flat(result: object, prefix = ""): Record<string, unknown> {
  const parts = Object.entries(result).map(([key, value]: [string, unknown]) =>
    typeof value === "object" && value !== null ? flat(value, `${prefix}${key}.`) : { [`${prefix}${key}`]: value },
  );
  return Object.assign({}, ...parts) as Record<string, unknown>;
}
