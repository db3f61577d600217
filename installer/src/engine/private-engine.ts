import { createHash } from "node:crypto";
import { mkdir, readFile, readdir, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type DaemonPlace, startDaemon } from "./daemon.ts";
import { isAlive } from "./lock.ts";
import { engineBridges, removeNetworkTraces } from "./network-traces.ts";
import { pingEngine } from "./ping.ts";
import { run, succeeds } from "./run.ts";
import { SetupError } from "./setup-error.ts";
import { type UnpackedEngine, unpackEngine } from "./unpacked-engine.ts";

// Waited for an engine of an earlier start, whose owner was killed, to end its containers and itself.
const ADOPTED_STOP_TIMEOUT_MS = 60_000;
const ADOPTED_POLL_MS = 100;
const RUN_FOLDER_PREFIX = "windflow-";

/** An engine of the project's own on this machine. */
export interface PrivateEngine {
  readonly socketPath: string;
  readonly version: string;
  /** It was running already: left by an earlier start, or another checkout's. */
  readonly adopted: boolean;
  /** It belongs to another checkout: stop() leaves it running. */
  readonly shared: boolean;
  /** Ends the engine and its containers; images, volumes and stopped containers stay in the data folder. */
  stop(): Promise<void>;
}

export interface PrivateEngineOptions {
  /** Where images, containers, volumes and the log live. */
  dataFolder: string;
  /** The project's ignored cache, for the unpacked programs. */
  cacheFolder: string;
  onProgress: (sentence: string) => void;
}

/**
 * Starts (or takes over) a private engine in this machine's own network namespace, so that published ports answer on
 * localhost. Only for machines where findEngine() found none: two engines in one namespace rewrite each other's rules.
 * Needs root on Debian or Ubuntu; throws SetupError with what to do otherwise.
 */
export async function startPrivateEngine(options: PrivateEngineOptions): Promise<PrivateEngine> {
  const dataFolder = resolve(options.dataFolder);
  const place = placeOf(dataFolder);
  const running = await pingEngine({ socketPath: place.socketPath });
  if (running === undefined) {
    const foreign = await engineOfAnotherCheckout();
    if (foreign !== undefined) return foreign;
    requireRoot();
  }
  const engine = await unpackEngine({
    release: "current",
    cacheFolder: options.cacheFolder,
    onProgress: options.onProgress,
  });
  const env = engine.environment(process.env);
  // Listed before the first start: a bridge with such a name that is there already belongs to somebody else.
  const foreign = running === undefined ? await engineBridges(env) : [];
  const bridge = bridgeOf(place);
  const stopDaemon = running === undefined ? await begin(engine, place, dataFolder, env) : adopt(place);
  return {
    socketPath: place.socketPath,
    version: engine.version,
    adopted: running !== undefined,
    shared: false,
    stop: async () => {
      const own = (await engineBridges(env)).filter((name) => !foreign.includes(name));
      await stopDaemon();
      await removeNetworkTraces([bridge, ...own], env);
      await rm(place.execRoot, { recursive: true, force: true });
    },
  };
}

// Two engines in one network namespace rewrite each other's firewall rules: the one that is there is shared, and stays
// its owner's to stop.
async function engineOfAnotherCheckout(): Promise<PrivateEngine | undefined> {
  for (const name of await readdir("/run").catch(() => [])) {
    if (!name.startsWith(RUN_FOLDER_PREFIX)) continue;
    const socketPath = join("/run", name, "docker.sock");
    const answer = await pingEngine({ socketPath });
    if (answer !== undefined)
      return { socketPath, version: answer.version, adopted: true, shared: true, stop: () => Promise.resolve() };
  }
  return undefined;
}

function requireRoot(): void {
  if (process.getuid?.() === 0) return;
  throw new SetupError(
    "There is no container engine on this machine",
    "a private one can be set up by root only",
    "Install Docker or Podman, or start again as root",
  );
}

async function begin(
  engine: UnpackedEngine,
  place: DaemonPlace,
  dataFolder: string,
  env: NodeJS.ProcessEnv,
): Promise<() => Promise<void>> {
  await mkdir(dataFolder, { recursive: true, mode: 0o700 });
  await ensureBridge(bridgeOf(place), env);
  const extraArgs = [...place.extraArgs, `--bridge=${bridgeOf(place)}`];
  const daemon = await startDaemon(engine, { ...place, extraArgs });
  return () => daemon.stop();
}

function placeOf(dataFolder: string): DaemonPlace {
  const key = createHash("sha256").update(dataFolder).digest("hex").slice(0, 8);
  // Below /run and keyed by the data folder: short enough for sockets, and gone after a reboot like the processes.
  const execRoot = `/run/${RUN_FOLDER_PREFIX}${key}`;
  return {
    dataRoot: join(dataFolder, "data"),
    execRoot,
    socketPath: join(execRoot, "docker.sock"),
    logFile: join(dataFolder, "dockerd.log"),
    cgroupParent: `/windflow-${key}`,
    // Without it the engine sets the machine's FORWARD policy to DROP, which would cut off other uses of the machine.
    extraArgs: ["--ip-forward-no-drop"],
  };
}

const bridgeOf = (place: DaemonPlace): string => `wf${place.cgroupParent.slice(-8)}`;

// A bridge of our own, so that a docker0 left by another engine keeps its addresses.
async function ensureBridge(name: string, env: NodeJS.ProcessEnv): Promise<void> {
  if (await succeeds("ip", ["link", "show", "dev", name], { env })) return;
  const taken = await run("ip", ["-4", "-o", "addr"], { env });
  const second = Array.from({ length: 14 }, (_, index) => 17 + index).find(
    (octet) => !taken.includes(` 172.${octet}.`),
  );
  await run("ip", ["link", "add", name, "type", "bridge"], { env });
  await run("ip", ["addr", "add", `172.${second ?? 31}.0.1/16`, "dev", name], { env });
  await run("ip", ["link", "set", name, "up"], { env });
}

// An engine of an earlier start whose owner was killed: known by its pid file only.
function adopt(place: DaemonPlace): () => Promise<void> {
  return async () => {
    const pid = Number(await readFile(join(place.execRoot, "docker.pid"), "utf8"));
    process.kill(pid, "SIGTERM");
    const deadline = Date.now() + ADOPTED_STOP_TIMEOUT_MS;
    while (isAlive(pid)) {
      if (Date.now() > deadline)
        throw new Error(`The Docker Engine (process ${pid}) did not end; see ${place.logFile}`);
      await sleep(ADOPTED_POLL_MS);
    }
  };
}
