import { builtAgent, fastClock } from "@windflow/e2e/testbed";
import type { Program } from "@windflow/installer";
import type Docker from "dockerode";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { eventually } from "../eventually.ts";
import { type Installation, createInstallation } from "../installation/installation.ts";
import { deploy, idleStack } from "../installation/stacks.ts";
import { type FlappingProxy, startFlappingProxy } from "./flapping-proxy.ts";
import { type Footprint, footprintOf } from "./footprint.ts";
import { type Phase, scheduleLink } from "./schedule.ts";
import { judgeFlapping } from "./verdict.ts";

export interface FlappingOptions {
  /** The same seed lets the link behave the same. */
  readonly seed: number;
  /** Of the agent's time. */
  readonly simulatedMs: number;
  /** Seconds that pass for the agent in one. */
  readonly speed: number;
  readonly onPhase?: (phase: Phase) => void;
}

/** What was promised and not kept stands in `broken`, a sentence each. */
export interface FlappingResult {
  readonly seed: number;
  readonly simulatedHours: number;
  readonly phases: number;
  readonly tunnels: number;
  readonly sessions: number;
  /** Containers that ended meanwhile, of each of which the fleet had to hear once. */
  readonly markers: number;
  readonly first: Footprint;
  readonly last: Footprint;
  readonly most: Pick<Footprint, "privateBytes" | "descriptors" | "spoolBytes" | "logBytes">;
  readonly broken: readonly string[];
}

/** Enough for four quarters with a median each. */
const LOOKS = 24;
const MARKERS = 20;
/** Backoff of up to 15 s of the agent's time; the rest is for a loaded machine. */
const REST_TIMEOUT_MS = 120_000;
const PAGE = 500;

/** Lets the link of one built agent flap for hours of its time, and looks what it holds and what the fleet was told. */
export async function runFlapping(options: FlappingOptions): Promise<FlappingResult> {
  const program = await builtAgent();
  const installation = await createInstallation(1);
  const [host] = installation.hosts;
  if (host === undefined) throw new Error("the testbed made no host");
  const { machine, engine } = host.host;
  const stateFolder = join(machine.folder, "agent");
  const place = ["--state-dir", stateFolder, "--docker-host", `unix://${engine.socketPath}`];
  const proxy = await startFlappingProxy(installation.fleet.address);
  try {
    await deploy(installation, "kept", idleStack({ web: "1" }));
    await host.agent.stop();
    const agent = await machine.run([program, "run", ...place], {
      env: { ...(await fastClock(options.speed)), https_proxy: proxy.url, MALLOC_ARENA_MAX: "1" },
      logFile: join(machine.folder, "agent.log"),
    });
    await agent.waitFor(/welcomed this host/, REST_TIMEOUT_MS);
    const phases = scheduleLink(options.seed, options.simulatedMs);
    const { footprints, markers } = await flap(options, phases, { agent, proxy, stateFolder, docker: engine.docker });
    proxy.become("open");
    const spool = await settled(() => machine.exec([program, "status", "--json", ...place]));
    const told = await toldEnds(installation, host.hostId, markers);
    const broken = judgeFlapping({ footprints, told, spool, sessions: spool.sessions });
    const [first] = footprints;
    const last = footprints.at(-1);
    if (first === undefined || last === undefined) throw new Error("nothing was looked at");
    const most = (key: keyof Footprint): number => Math.max(...footprints.map((one) => one[key]));
    return {
      seed: options.seed,
      simulatedHours: Math.round(options.simulatedMs / 36_000) / 100,
      phases: phases.length,
      tunnels: proxy.asked,
      sessions: spool.sessions,
      markers: markers.length,
      first,
      last,
      most: {
        privateBytes: most("privateBytes"),
        descriptors: most("descriptors"),
        spoolBytes: most("spoolBytes"),
        logBytes: most("logBytes"),
      },
      broken,
    };
  } finally {
    await proxy.stop();
    await installation.remove();
  }
}

interface Flapped {
  readonly agent: Program;
  readonly proxy: FlappingProxy;
  readonly stateFolder: string;
  readonly docker: Docker;
}

async function flap(
  { simulatedMs, speed, onPhase }: FlappingOptions,
  phases: readonly Phase[],
  { agent, proxy, stateFolder, docker }: Flapped,
): Promise<{ footprints: Footprint[]; markers: string[] }> {
  const startedAt = Date.now();
  const until = (simulated: number): Promise<unknown> => sleep(Math.max(0, startedAt + simulated / speed - Date.now()));
  const footprints: Footprint[] = [];
  const markers: string[] = [];
  const flapping = async (): Promise<void> => {
    for (const phase of phases) {
      await until(phase.atMs);
      proxy.become(phase.mode);
      onPhase?.(phase);
    }
    await until(simulatedMs);
  };
  const looking = async (): Promise<void> => {
    for (let look = 1; look <= LOOKS; look++) {
      await until((simulatedMs * look) / LOOKS);
      footprints.push(footprintOf(agent.pid, stateFolder));
    }
  };
  const marking = async (): Promise<void> => {
    for (let marker = 0; marker < MARKERS; marker++) {
      await until((simulatedMs * (marker + 0.5)) / MARKERS);
      const { id } = await docker.createContainer({ Image: "wf/busybox:1", Cmd: ["true"] }).then(async (container) => {
        await container.start();
        await container.wait();
        return container;
      });
      markers.push(id);
    }
  };
  await Promise.all([flapping(), looking(), marking()]);
  return { footprints, markers };
}

interface Settled {
  /** Of what was written before the link became good, what nobody has acknowledged. */
  readonly waiting: number;
  readonly dropped: number;
  readonly sessions: number;
}

/** With a good link everything that waited is acknowledged; what is written meanwhile is not asked for: there is always some. */
async function settled(status: () => Promise<string>): Promise<Settled> {
  const ask = async (): Promise<{ sessions: number; spool: { written: number; waiting: number; dropped: number } }> =>
    (JSON.parse(await status()) as { agent: Awaited<ReturnType<typeof ask>> }).agent;
  const { written } = (await ask()).spool;
  const look = async (): Promise<Settled> => {
    const { sessions, spool } = await ask();
    const acknowledged = spool.written - spool.waiting;
    return { waiting: Math.max(0, written - acknowledged), dropped: spool.dropped, sessions };
  };
  return eventually("what waited is acknowledged", REST_TIMEOUT_MS, look, ({ waiting }) => waiting === 0);
}

async function toldEnds(
  { api, organization }: Installation,
  hostId: string,
  markers: readonly string[],
): Promise<Map<string, number>> {
  const told = new Map(markers.map((id) => [id, 0]));
  let token = "";
  do {
    const page = await api.events.listEvents({ organization, hostId, page: { size: PAGE, token } });
    for (const { type, containerId = "" } of page.events ?? []) {
      const times = told.get(containerId);
      if (type === "container.die" && times !== undefined) told.set(containerId, times + 1);
    }
    token = page.nextPageToken ?? "";
  } while (token !== "");
  return told;
}
