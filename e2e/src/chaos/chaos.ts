import { setTimeout as sleep } from "node:timers/promises";
import { eventually } from "../eventually.ts";
import { type Installation, createInstallation } from "../installation/installation.ts";
import { begin as beginRollout, containersOf, deploy, end } from "../installation/stacks.ts";
import type { ChaosRecord } from "./record.ts";
import { type Fault, type HostFault, scheduleFaults } from "./schedule.ts";
import { strike } from "./strike.ts";
import { countedMarkers, judge, longestReturnMs, type Shown } from "./verdict.ts";
import {
  BUSY,
  BUSY_SERVICES,
  busyStack,
  FOREIGN,
  keepDeploying,
  keepMarking,
  keepWatching,
  runForeign,
  STILL,
} from "./workload.ts";

export interface ChaosOptions {
  /** The same seed lets the same things happen at the same times. */
  readonly seed: number;
  /** How long things go wrong, milliseconds; then they may come to rest. */
  readonly durationMs: number;
  /** Told while it goes on. */
  readonly onFault?: (fault: Fault) => void;
}

/** What was promised and not kept stands in `broken`, a sentence each. */
export interface ChaosResult {
  readonly seed: number;
  readonly minutes: number;
  /** How often each kind of thing went wrong. */
  readonly faults: Record<string, number>;
  readonly revisions: number;
  readonly rollouts: number;
  /** Ends of rollouts, by state. */
  readonly ends: Record<string, number>;
  /** Containers started by hand of which the fleet had to hear. */
  readonly markers: number;
  readonly samples: number;
  /** From the end of a disturbance to online, the longest of all hosts, seconds. */
  readonly longestReturnSeconds: number;
  /** Calls that were refused or not answered. */
  readonly refusals: Record<string, number>;
  readonly broken: readonly string[];
}

const ANY: readonly HostFault[] = [
  "kill-agent",
  "kill-engine",
  "power-cut",
  "partition",
  "packet-loss",
  "skewed-clock",
];
// What it stores lies in memory, so that it can be filled: a power cut would take its images with it.
const SMALL_DISK: readonly HostFault[] = [
  "kill-agent",
  "kill-engine",
  "partition",
  "packet-loss",
  "full-disk",
  "skewed-clock",
];
const DISK_MIB = 200;
const HOSTS = [
  { engine: {}, faults: ANY },
  { engine: { dataMiB: DISK_MIB }, faults: SMALL_DISK },
  { engine: { containerdSnapshotter: true }, faults: ANY },
];
// Partitions longer than a lease need a run in which they are not most of it.
const LONG_RUN_MS = 10 * 60_000;
// Backoff, a new session and a rollout's own deadline of 60 s, with time for a loaded machine.
const REST_TIMEOUT_MS = 240_000;
// Samples and events on the hosts' disks are on their way: each is sent every 15 s.
const DRAIN_MS = 25_000;
const PAGE = 500;

/** Lets hosts, engines, links, clocks, disks and the control plane fail while rollouts go on, and looks what came of it. */
export async function runChaos({ seed, durationMs, onFault }: ChaosOptions): Promise<ChaosResult> {
  const installation = await createInstallation(HOSTS.map(({ engine }) => engine));
  try {
    const faults = scheduleFaults({
      seed,
      durationMs,
      hosts: HOSTS.map(({ faults: kinds }) => kinds),
      longPartitions: durationMs >= LONG_RUN_MS,
    });
    const record = newRecord(installation);
    await deploy(installation, STILL, busyStack(0));
    const { stackId = "", revision = 0 } = await deploy(installation, BUSY, busyStack(0));
    record.acknowledged.revisions.push(revision);
    for (const host of installation.hosts) await runForeign(host.host.engine.docker);
    const untouched = await untouchable(installation);

    await storm(installation, { record, faults, stackId, durationMs, onFault });
    await rest(installation, stackId);
    const final = await settle(installation);

    const until = Date.now();
    await sleep(DRAIN_MS);
    const shown = await look(installation, record, { stackId, until });
    const broken = [
      ...judge(record, shown, until),
      ...(await wrongContainers(installation, final)),
      ...(await touched(installation, untouched)),
    ];
    return {
      seed,
      minutes: durationMs / 60_000,
      faults: countBy(faults.map(({ kind }) => kind)),
      revisions: record.acknowledged.revisions.length,
      rollouts: record.acknowledged.rolloutIds.length,
      ends: countBy([...shown.rollouts.values()]),
      markers: countedMarkers(record, until).length,
      samples: [...shown.samples.values()].reduce((sum, times) => sum + times.length, 0),
      longestReturnSeconds: Math.max(...record.hosts.map((host) => longestReturnMs(host, record))) / 1000,
      refusals: Object.fromEntries(record.refusals),
      broken,
    };
  } finally {
    await installation.remove();
  }
}

function newRecord({ hosts }: Installation): ChaosRecord {
  return {
    hosts: hosts.map(({ hostId, host }) => {
      return { name: host.name, hostId, unreachable: [], agentDown: [], skewed: [], engineDown: [] };
    }),
    serverDown: [],
    markers: [],
    presences: [],
    acknowledged: { revisions: [], rolloutIds: [] },
    refusals: new Map(),
  };
}

interface Storm {
  readonly record: ChaosRecord;
  readonly faults: readonly Fault[];
  readonly stackId: string;
  readonly durationMs: number;
  readonly onFault: ChaosOptions["onFault"];
}

/** Ends when every fault has ended and nobody works with the fleet any more. */
async function storm(
  installation: Installation,
  { record, faults, stackId, durationMs, onFault }: Storm,
): Promise<void> {
  const over = new AbortController();
  const work = Promise.all([
    keepDeploying(installation, record, stackId, over.signal),
    keepMarking(installation, record, over.signal),
    keepWatching(installation, record, over.signal),
  ]);
  const startedAt = Date.now();
  const failures: unknown[] = [];
  // On a loaded machine one takes longer than planned: the next on the same target waits for its end.
  const strikes = new Map<number | undefined, Promise<void>>();
  for (const fault of faults) {
    await sleep(Math.max(0, startedAt + fault.atMs - Date.now()));
    onFault?.(fault);
    const before = strikes.get(fault.host) ?? Promise.resolve();
    const struck = before.then(() => strike(installation, record, fault));
    strikes.set(
      fault.host,
      struck.catch((error: unknown) => void failures.push(error)),
    );
    if (failures.length > 0) break;
  }
  if (failures.length === 0) await sleep(Math.max(0, startedAt + durationMs - Date.now()));
  await Promise.all(strikes.values());
  over.abort();
  await work;
  if (failures.length > 0) throw failures[0];
}

/** Every host online, and no rollout under way: with nothing in the way, everything comes to its end. */
async function rest({ api, organization }: Installation, stackId: string): Promise<void> {
  await eventually(
    "every host is online",
    REST_TIMEOUT_MS,
    async () => (await api.hosts.listHosts({ organization })).hosts ?? [],
    (hosts) => hosts.length === HOSTS.length && hosts.every(({ presence }) => presence === "PRESENCE_ONLINE"),
  );
  await eventually(
    "no rollout is under way",
    REST_TIMEOUT_MS,
    () => api.stacks.getStack({ organization, stackId }),
    (stack) => (stack.activeRolloutId ?? "") === "",
  );
}

/** A last change with everything well; the text that has to run everywhere then. */
async function settle(installation: Installation): Promise<string> {
  const text = "last";
  const begun = await beginRollout(installation, BUSY, busyStack(0).replaceAll('REV: "0"', `REV: "${text}"`));
  const ended = await end(installation, begun.id ?? "");
  if (ended.state !== "STATE_SUCCEEDED" || ended.hostsSucceeded !== HOSTS.length)
    throw new Error(`the last rollout ended ${ended.state}: ${ended.cause}`);
  return text;
}

async function look(
  { api, organization, hosts }: Installation,
  record: ChaosRecord,
  { stackId, until }: { readonly stackId: string; readonly until: number },
): Promise<Shown> {
  const rollouts = new Map<string, string>();
  const revisions: number[] = [];
  const deaths = new Map<string, number>();
  const samples = new Map<string, number[]>();
  await pages(async (token) => {
    const page = await api.rollouts.listRollouts({ organization, stackId, page: { size: PAGE, token } });
    for (const { id = "", state = "" } of page.rollouts ?? []) rollouts.set(id, state);
    return page.nextPageToken;
  });
  await pages(async (token) => {
    const page = await api.stacks.listRevisions({ organization, stackId, page: { size: PAGE, token } });
    revisions.push(...(page.revisions ?? []).map(({ number = 0 }) => number));
    return page.nextPageToken;
  });
  const marked = new Set(record.markers.map(({ containerId }) => containerId));
  for (const { hostId } of hosts) {
    await pages(async (token) => {
      const page = await api.events.listEvents({ organization, hostId, page: { size: PAGE, token } });
      for (const { type, containerId = "" } of page.events ?? [])
        if (type === "container.die" && marked.has(containerId))
          deaths.set(containerId, (deaths.get(containerId) ?? 0) + 1);
      return page.nextPageToken;
    });
    const from = new Date(record.presences[0]?.at ?? until).toISOString();
    const series = await api.metrics.queryHostMetrics({
      organization,
      hostId,
      from,
      to: new Date(until).toISOString(),
      maxPoints: 5000,
    });
    samples.set(hostId, series.atMs ?? []);
  }
  return { rollouts, revisions, deaths, samples };
}

async function pages(read: (token: string) => Promise<string | undefined>): Promise<void> {
  let token = "";
  do token = (await read(token)) ?? "";
  while (token !== "");
}

async function wrongContainers({ hosts }: Installation, wanted: string): Promise<string[]> {
  const perHost = hosts.map(async ({ host }) => {
    const { docker } = host.engine;
    const filters = { label: [`com.docker.compose.project=${BUSY}`] };
    const found = await docker.listContainers({ all: true, filters });
    const seen = await Promise.all(
      found.map(async ({ Id, State, Labels }) => {
        const { Config } = await docker.getContainer(Id).inspect();
        return `${Labels["com.docker.compose.service"]} ${State} ${Config.Env.find((entry) => entry.startsWith("REV="))}`;
      }),
    );
    const right = BUSY_SERVICES.map((service) => `${service} running REV=${wanted}`);
    const is = seen.toSorted().join(", ");
    return is === right.join(", ") ? [] : [`${host.name} runs "${is}" of ${BUSY}, not "${right.join(", ")}"`];
  });
  return (await Promise.all(perHost)).flat();
}

/** `host container` → its id, of containers that nobody asked to touch. */
async function untouchable({ hosts }: Installation): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (const host of hosts) {
    for (const [service, id] of Object.entries(await containersOf(host, STILL)))
      found.set(`${host.host.name} ${STILL}/${service}`, id);
    // An engine that was killed ends containers that it finds running when it starts again, whatever their restart policy,
    // and nobody but the person who made this one may start it: it has to be there, as the engine left it.
    const [foreign] = await host.host.engine.docker.listContainers({ all: true, filters: { name: [`^/${FOREIGN}$`] } });
    found.set(`${host.host.name} ${FOREIGN}`, foreign?.Id ?? "gone");
  }
  return found;
}

async function touched(installation: Installation, before: ReadonlyMap<string, string>): Promise<string[]> {
  const now = await untouchable(installation);
  return [...before].flatMap(([name, id]) => {
    const found = now.get(name);
    if (found === id) return [];
    return [`${name} was ${id.slice(0, 12)} and is ${found?.slice(0, 12) ?? "not running"}: nobody asked to touch it`];
  });
}

function countBy(words: readonly string[]): Record<string, number> {
  return Object.fromEntries([...Map.groupBy(words, (word) => word)].map(([word, all]) => [word, all.length]));
}
