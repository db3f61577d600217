// What the built agent takes of a host: memory, processor, bytes on the wire, start-up, size; beside prometheus-node-exporter and
// docker compose in the same windows, with one container and with many.
import { deploy, idleStack, type Installation } from "@windflow/e2e";
import { loadavg } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { startPeers } from "./agent/peers.ts";
import { createSite, type Site } from "./agent/site.ts";
import { withMeteredLink } from "./agent/metered-link.ts";
import { measureSizes } from "./agent/sizes.ts";
import { measureStartUp } from "./agent/start-up.ts";
import { type Taken, observe } from "./agent/window.ts";
import { type WireCounter, countWire } from "./agent/wire.ts";

const CONTAINERS = 50;
const ROUNDS = 7;
/** Real time, all beside each other. */
const WINDOW_SECONDS = 120;
/** In the fast windows an hour passes for the agent. */
const HOUR_SECONDS = 3_600;
/** A third of a second between heartbeats: acknowledgements of TCP still find something to ride on as they do in real time. */
const SPEED = 40;
/** What is asked for right after the welcome is done by then, and the memory that it took is free again. */
const SETTLE_MS = 15_000;
const SMALL = {
  containers: 3,
  rounds: 1,
  windowSeconds: 2,
  fastSeconds: { idle: 20, metered: 8, busy: 6 },
  settleMs: 3_000,
  speed: 60,
};

interface Size {
  readonly containers: number;
  readonly rounds: number;
  readonly windowSeconds: number;
  /** Of each window in which the agent is alone with its fast clock. */
  readonly fastSeconds: Readonly<Record<"idle" | "metered" | "busy", number>>;
  readonly settleMs: number;
  readonly speed: number;
}

/** One part of the run: what everything took with so many containers. */
interface Phase {
  readonly containers: number;
  /** In real time, beside each other. */
  readonly together: Readonly<Record<string, Taken>>;
  /** The agent alone, for which an hour passed. */
  readonly hour: Taken;
}

/** Arguments: `--small`, the form that is a test; `--containers N` (50); `--seconds N` of each window in real time (120);
 * `--no-sizes`, which take two minutes of processor to compress. */
export async function run(args: string[]): Promise<object> {
  const { values } = parseArgs({
    args,
    options: {
      small: { type: "boolean" },
      containers: { type: "string" },
      seconds: { type: "string" },
      "no-sizes": { type: "boolean" },
    },
  });
  const size: Size = values.small === true ? SMALL : sizeOf(values.containers, values.seconds);
  const site = await createSite();
  try {
    const port = Number(new URL(site.installation.controlPlane.url).port);
    const wire = await countWire(site.machine, "remote", port);
    const startUp = await measureStartUp(site, size.rounds);
    const idle = await phase(site, wire, "idle", size);
    const metered = await withMeteredLink(site, () => hourAlone(site, wire, "metered", size));
    const busy = await phase(site, wire, "busy", size);
    const result = {
      bench: "agent",
      privateMb: idle.hour.privateMb,
      rssMb: idle.hour.rssMb,
      cpuPercent: busy.together["agent"]?.cpuPercent,
      bytesPerDayIdle: idle.hour.bytesPerDay,
      bytesPerDayMetered: metered.bytesPerDay,
      startMs: startUp.startMs,
      ...(values.small === true || values["no-sizes"] === true ? {} : await measureSizes()),
      containers: size.containers,
      phases: [idle, busy],
      metered,
      startUp,
      load: loadavg()[0],
    };
    print(result);
    return result;
  } finally {
    await site.remove();
  }
}

function sizeOf(containers: string | undefined, seconds: string | undefined): Size {
  const size = {
    containers: Number(containers ?? CONTAINERS),
    rounds: ROUNDS,
    windowSeconds: Number(seconds ?? WINDOW_SECONDS),
    fastSeconds: { idle: HOUR_SECONDS / SPEED, metered: HOUR_SECONDS / SPEED, busy: HOUR_SECONDS / SPEED },
    settleMs: SETTLE_MS,
    speed: SPEED,
  };
  if (size.containers >= 1 && size.windowSeconds > 0) return size;
  throw new Error("--containers and --seconds take a number of at least 1");
}

async function phase(site: Site, wire: WireCounter, part: "idle" | "busy", size: Size): Promise<Phase> {
  const containers = part === "idle" ? 1 : size.containers;
  await deployIdle(site.installation, containers);
  await site.restartAgent();
  const peers = await startPeers(site, PROJECT);
  await sleep(size.settleMs);
  const agent = { name: "agent", pid: site.agent.pid, wire };
  const together = await observe([agent, ...peers.subjects], size.windowSeconds);
  await peers.stop();
  return { containers, together, hour: await hourAlone(site, wire, part, size) };
}

async function hourAlone(site: Site, wire: WireCounter, part: keyof Size["fastSeconds"], size: Size): Promise<Taken> {
  await site.restartAgent(size.speed);
  await sleep(size.settleMs);
  const fast = { name: "agent", pid: site.agent.pid, wire, speed: size.speed };
  const { agent: hour } = await observe([fast], size.fastSeconds[part]);
  if (hour === undefined) throw new Error("the agent was not looked at");
  return hour;
}

const PROJECT = "measured";

async function deployIdle(installation: Installation, containers: number): Promise<void> {
  const names = Array.from({ length: containers }, (_, index) => `idle${index + 1}`);
  await deploy(installation, PROJECT, idleStack(Object.fromEntries(names.map((name) => [name, "1"]))));
}

interface Printed {
  readonly phases: readonly Phase[];
  /** With one container, over a link of which every byte costs. */
  readonly metered: Taken;
  readonly startUp: Awaited<ReturnType<typeof measureStartUp>>;
}

function print({ phases, metered, startUp }: Printed): void {
  console.log(`\n${"".padEnd(34)}private MB   PSS MB   RSS MB     CPU %   MB a day`);
  for (const { containers, together, hour } of phases)
    for (const [name, taken] of Object.entries({ ...together, "agent, after an hour": hour }))
      printTaken(`${name}, ${containers} container${containers === 1 ? "" : "s"}`, taken);
  printTaken("agent, metered, 1 container", metered);
  const peers = Object.entries(startUp.peers).map(([name, ms]) => `${name} ${ms} ms`);
  console.log(`start: session ${startUp.startMs} ms, --version ${startUp.versionMs} ms, ${peers.join(", ")}`);
}

function printTaken(label: string, taken: Taken): void {
  const bytes = taken.bytesPerDay === undefined ? "–" : (taken.bytesPerDay / 1e6).toFixed(2);
  const figures = [taken.privateMb, taken.pssMb, taken.rssMb].map((figure) => figure.toFixed(1).padStart(9));
  const cpu = taken.cpuPercent.toFixed(3).padStart(10);
  console.log(`${label.padEnd(35)}${figures.join("")}${cpu}${bytes.padStart(11)}`);
}
