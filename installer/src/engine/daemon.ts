import { spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { isAlive } from "./lock.ts";
import { pingEngine } from "./ping.ts";
import { SetupError } from "./setup-error.ts";
import type { UnpackedEngine } from "./unpacked-engine.ts";

// Ready after about one second; ten more when a containerd of a crashed engine has to be waited out, on a loaded machine.
const READY_TIMEOUT_MS = 60_000;
const READY_POLL_MS = 50;
// dockerd gives containers ten seconds to stop, then ends itself in two to three.
const STOP_TIMEOUT_MS = 60_000;
const LOG_TAIL_CHARACTERS = 1_500;

/** Folders and addresses of one engine process; none is shared with another engine. */
export interface DaemonPlace {
  /** Images, containers and volumes: kept between starts. */
  dataRoot: string;
  /** Run-time state and sockets; its path is short, for unix sockets end at 108 bytes. */
  execRoot: string;
  socketPath: string;
  logFile: string;
  /** Parent cgroup of all its containers, such as "/windflow-1a2b". */
  cgroupParent: string;
  /** More arguments for dockerd. */
  extraArgs: readonly string[];
}

/** A running engine process. */
export interface Daemon {
  readonly place: DaemonPlace;
  /** Ends the engine and its containers in order; resolves when it is gone. */
  stop(): Promise<void>;
  /** Kills dockerd alone at once, as a crash does; containers and containerd are left to themselves. */
  crash(): Promise<void>;
  /** Resolves when the process has ended by itself or by a signal. */
  readonly ended: Promise<void>;
}

/** Starts dockerd behind `launcher` (for example nsenter …; [] for the own namespaces) and waits until it answers. */
export async function startDaemon(
  engine: UnpackedEngine,
  place: DaemonPlace,
  launcher: readonly string[] = [],
): Promise<Daemon> {
  for (const folder of [place.dataRoot, place.execRoot]) await mkdir(folder, { recursive: true });
  await writeFile(configFile(place), "{}\n");
  await rm(pidFile(place), { force: true });
  await rm(place.socketPath, { force: true });
  const [program = "dockerd", ...args] = [...launcher, "dockerd", ...daemonArguments(place)];
  const log = openSync(place.logFile, "a");
  // A process group of its own: Ctrl-C in the terminal must reach the engine only through stop().
  const child = spawn(program, args, {
    env: engine.environment(process.env),
    stdio: ["ignore", log, log],
    detached: true,
  });
  closeSync(log);
  let end: string | undefined;
  const ended = new Promise<void>((resolve) => {
    child.on("error", (error) => resolve(void (end ??= error.message)));
    child.on("exit", (code, signal) => resolve(void (end ??= `it ended with ${signal ?? `exit code ${code}`}`)));
  });
  await untilReady(place, () => end);
  child.unref();
  // nsenter passes no signal on: what has to be signalled is its only child.
  const pid = launcher.length > 0 ? await onlyChild(child.pid ?? 0) : (child.pid ?? 0);
  const signal = (name: NodeJS.Signals): void => void (isAlive(pid) && process.kill(pid, name));
  return {
    place,
    ended,
    stop: async () => {
      if (end === undefined) signal("SIGTERM");
      child.ref();
      await Promise.race([ended, sleep(STOP_TIMEOUT_MS, undefined, { ref: false })]);
      child.unref();
      if (isAlive(pid)) throw new Error(`dockerd did not end within ${STOP_TIMEOUT_MS / 1000} s; see ${place.logFile}`);
    },
    crash: async () => {
      child.ref();
      signal("SIGKILL");
      await ended;
    },
  };
}

/** The child of a process that has one, such as `nsenter --pid` or `unshare --fork` (ids as this process sees them). */
export async function onlyChild(pid: number): Promise<number> {
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8");
  const child = Number(children.trim().split(" ")[0]);
  if (!(child > 0)) throw new Error(`process ${pid} has no child`);
  return child;
}

const pidFile = (place: DaemonPlace): string => join(place.execRoot, "docker.pid");
const configFile = (place: DaemonPlace): string => join(place.execRoot, "daemon.json");

function daemonArguments(place: DaemonPlace): string[] {
  return [
    `--data-root=${place.dataRoot}`,
    `--exec-root=${place.execRoot}`,
    `--pidfile=${pidFile(place)}`,
    `--host=unix://${place.socketPath}`,
    `--cgroup-parent=${place.cgroupParent}`,
    // The parent above is a path; systemd's driver would want a slice name and a systemd to talk to.
    "--exec-opt=native.cgroupdriver=cgroupfs",
    // The machine's own /etc/docker/daemon.json is for its own engine.
    `--config-file=${configFile(place)}`,
    ...place.extraArgs,
  ];
}

async function untilReady(place: DaemonPlace, ended: () => string | undefined): Promise<void> {
  const deadline = Date.now() + READY_TIMEOUT_MS;
  while ((await pingEngine({ socketPath: place.socketPath })) === undefined) {
    const end = ended() ?? (Date.now() > deadline ? `no answer within ${READY_TIMEOUT_MS / 1000} s` : undefined);
    if (end !== undefined) {
      const tail = (await readFile(place.logFile, "utf8").catch(() => "")).slice(-LOG_TAIL_CHARACTERS);
      throw new SetupError(
        "The Docker Engine did not start",
        `${end}; its log ends with:\n${tail}`,
        `The whole log is ${place.logFile}`,
      );
    }
    await sleep(READY_POLL_MS);
  }
}
