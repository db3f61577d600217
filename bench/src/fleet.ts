// Thousands of agents, each with its own TLS connection, key and certificate, speaking the real protocol to a real control plane in
// a process of its own; only their engines are none. Beside a bare grpc-js server with the same sessions.
import { loadavg } from "node:os";
import { measureCommands, measureLists } from "./fleet/asking.ts";
import { deploy, tellAll, wavesOf, type Deployed } from "./fleet/deploying.ts";
import { measurePeer } from "./fleet/echo-peer.ts";
import { growTo, openAll, rest, settled, type GrowthPoint } from "./fleet/growth.ts";
import { measureHandshakes } from "./fleet/handshakes.ts";
import { enrolAll, EVERYWHERE_LABELS, ROLLOUT_LABELS } from "./fleet/membership.ts";
import { measureBadNeighbours } from "./fleet/neighbours.ts";
import { fullScale, SMALL, type Scale } from "./fleet/scale.ts";
import { startSite, type Site } from "./fleet/site.ts";
import { cutAll, killAndStart } from "./fleet/storms.ts";
import { startWorkers, type Workers } from "./fleet/workers.ts";
import { listenOverflows } from "./measure/process.ts";
import { growthExponent } from "./measure/statistics.ts";

const AGENTS = 10_000;
const WAVES = 10;
const SIZES = [4, 2, 1];
const EVERYWHERE = "everywhere";

/**
 * Arguments: `--agents N`; `--small` 40 agents, without the peer; `--no-peer`; `--profile FOLDER` of the control plane's processor
 * time; `--rollouts` only rollouts, begun as soon as all have a session.
 */
export async function run(args: string[]): Promise<object> {
  const valueOf = (flag: string): string | undefined =>
    args.includes(flag) ? args[args.indexOf(flag) + 1] : undefined;
  const agents = Number(valueOf("--agents") ?? AGENTS);
  const base = args.includes("--small") ? SMALL : fullScale(agents);
  const scale = args.includes("--no-peer") ? { ...base, peer: false } : base;
  const site = await startSite(valueOf("--profile") ?? "");
  const workers = startWorkers(scale.workers);
  try {
    return await (args.includes("--rollouts") ? measureRollouts : measure)(site, workers, scale);
  } finally {
    workers.stop();
    await site.remove();
  }
}

/** While the first reports of the fleet are still coming. */
async function measureRollouts(site: Site, workers: Workers, scale: Scale): Promise<object> {
  await workers.all("aim", (worker) => ({ endpoint: site.endpointOf(worker) }));
  await told("enrolment", () => enrolAll(site, workers, scale));
  await told("sessions", () => openAll(workers, scale.agents, scale));
  const first = await told("the first rollout", () => inWaves(site, workers, 1));
  const second = await told("the second rollout", () => inWaves(site, workers, 2));
  const everywhere = await told("a change of all", () => changeAll(site, workers));
  await settled(site, scale);
  const fanout = await told("a word to all", () => tellAll(site, workers, EVERYWHERE, scale));
  return { bench: "fleet rollouts", agents: scale.agents, first, second, everywhere, fanout, load: loadavg()[0] };
}

function inWaves(site: Site, workers: Workers, revision: number): Promise<Deployed> {
  const placement = { matchLabels: ROLLOUT_LABELS };
  return deploy(site, workers, { name: "waves", placement, strategy: wavesOf(WAVES), revision });
}

function changeAll(site: Site, workers: Workers): Promise<Deployed> {
  const placement = { matchLabels: EVERYWHERE_LABELS };
  return deploy(site, workers, { name: EVERYWHERE, placement, strategy: wavesOf(1), revision: 1 });
}

async function measure(site: Site, workers: Workers, scale: Scale): Promise<object> {
  const overflows = listenOverflows();
  await workers.all("aim", (worker) => ({ endpoint: site.endpointOf(worker) }));
  const enrolment = await told("enrolment", () => enrolAll(site, workers, scale));
  const handshake = await told("handshakes", () =>
    measureHandshakes(workers, scale.handshakes, () => site.use().processorSeconds),
  );
  const empty = site.use();
  const points: GrowthPoint[] = [];
  for (const part of SIZES) {
    const agents = Math.ceil(scale.agents / part);
    points.push(await told(`${agents} agents`, () => growTo(site, workers, agents, scale)));
  }
  const round = await told("all of them at rest", () => rest(site, scale.roundMs));
  const commands = await told("commands", () => measureCommands(site, scale.commands));
  const rollout = await told(`a rollout in ${WAVES} waves`, () => inWaves(site, workers, 1));
  const everywhere = await told("a change of all", () => changeAll(site, workers));
  // What hosts report of a change is still coming when it is done: each of these is measured with a fleet that rests.
  await settled(site, scale);
  const fanout = await told("a word to all", () => tellAll(site, workers, EVERYWHERE, scale));
  await settled(site, scale);
  const lists = await told("lists", () => measureLists(site, scale.lists));
  const neighbours = await told("bad neighbours", () => measureBadNeighbours(site, workers, scale));
  const cut = await told("every connection cut", () => cutAll(site, workers, scale));
  const killed = await told("the control plane killed and started", () => killAndStart(site, workers, scale));
  const { spool, counts } = await workers.tally();
  await workers.all("rest", () => ({}));
  const peer = scale.peer ? await told("the bare server", () => measurePeer(site, workers, scale)) : undefined;
  const last = points.at(-1);
  const figures = {
    agents: scale.agents,
    kbPerAgent: rounded(((last?.residentKb ?? 0) - empty.residentKb) / scale.agents),
    handshakeCpuMs: { full: rounded(handshake.fullCpuMs), resumed: rounded(handshake.resumedCpuMs) },
    steadyCpuPercent: rounded(round.steadyCpuPercent),
    commandP99Ms: rounded(commands.p99Ms),
    fanoutP99Ms: rounded(fanout.p99Ms),
    changeOfAllP99Ms: rounded(everywhere.toldP99Ms),
    reconnectAllSeconds: rounded(Math.max(cut.seconds, killed.seconds)),
    rolloutHosts: rollout.hosts,
    rolloutSeconds: rounded(rollout.seconds),
    uiListMs: rounded(lists.p95Ms),
    overflows: listenOverflows() - overflows,
    growth: {
      residentKb: exponent(points, (point) => point.residentKb - empty.residentKb),
      openCpu: exponent(points, (point) => point.openCpuMs * point.agents),
      steadyCpu: exponent(points, (point) => point.steadyCpuPercent),
    },
    load: loadavg()[0],
  };
  console.table(Object.entries(figures).map(([figure, value]) => ({ figure, value: JSON.stringify(value) })));
  const sessions = { enrolment, handshake, emptyKb: empty.residentKb, points, round };
  const changes = { commands, lists, rollout, everywhere, fanout, neighbours, cut, killed };
  return { bench: "fleet", ...figures, peer, detail: { ...sessions, ...changes, spool, counts } };
}

/** Says what is measured when it is done: the whole takes half an hour. */
async function told<Figures>(what: string, measured: () => Promise<Figures>): Promise<Figures> {
  const began = performance.now();
  const figures = await measured();
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  console.log(`${what} (${seconds} s, load ${loadavg()[0]?.toFixed(1)}): ${JSON.stringify(figures, roundNumbers)}`);
  return figures;
}

const rounded = (value: number): number => Math.round(value * 100) / 100;
const roundNumbers = (_key: string, value: unknown): unknown => (typeof value === "number" ? rounded(value) : value);

function exponent(points: readonly GrowthPoint[], figure: (point: GrowthPoint) => number): number {
  return rounded(growthExponent(points.map((point) => ({ x: point.agents, y: figure(point) }))));
}
