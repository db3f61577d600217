import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Program, type UnpackedEngine, isAlive, onlyChild, watchProgram } from "@windflow/installer";
import { type Output, collect } from "./output.ts";
import { cgroupOf, newRunFolder, removeRunFolder } from "./run-folder.ts";

// Making the namespaces takes milliseconds; the rest is for a loaded machine.
const BOOT_TIMEOUT_MS = 60_000;
const DEFAULT_EXEC_TIMEOUT_MS = 180_000;

/** A program that runs inside a machine. */
export interface MachineProcess {
  /** Its id as the outer system sees it. */
  readonly pid: number;
  /** Sends a signal to the program itself. */
  kill(signal: NodeJS.Signals): void;
  /** Resolves when it has ended: exit code, or undefined after a signal. */
  readonly ended: Promise<number | undefined>;
  /** What it has written so far, standard output and errors together. */
  output(): string;
}

/**
 * Something like a small computer: network, mounts, host name and processes of its own, its files shared with the outer
 * system. It ends with the process that made it, whatever happens to that one.
 */
export interface Machine {
  readonly name: string;
  /** Folder of its own, the same path inside and outside. */
  readonly folder: string;
  readonly cgroup: string;
  /** Process id of its init, for `ip link … netns PID`. */
  initPid(): number;
  /** Prefix that runs a command inside. */
  launcher(): string[];
  /** Runs a command inside to its end; rejects with its output when it fails. */
  exec(command: readonly string[], options?: { timeoutMs?: number; env?: NodeJS.ProcessEnv }): Promise<string>;
  /** Starts a command inside that goes on running. */
  start(command: readonly string[], options?: { env?: NodeJS.ProcessEnv; logFile?: string }): Promise<MachineProcess>;
  /** The same as a Program: with waitFor(), stop() and kill(). */
  run(command: readonly string[], options: { env?: NodeJS.ProcessEnv; logFile: string }): Promise<Program>;
  /** Ends everything inside at once, as when the power goes; files stay. */
  powerCut(): Promise<void>;
  /** Powers on again after powerCut(). Links have to be plugged in again. */
  boot(): Promise<void>;
  /** Power cut, then its folder and cgroups are removed. */
  remove(): Promise<void>;
}

export interface MachineOptions {
  /** Host name inside. */
  name: string;
  /** Programs for it; its PATH comes first inside. */
  engine: UnpackedEngine;
  /** `address name` lines for /etc/hosts inside. */
  hosts?: readonly string[];
  /** Address asked for names; one where nothing listens makes look-ups fail at once instead of after seconds. */
  nameserver?: string;
}

/**
 * On lo of every machine beside 127.0.0.1. For the resolver, which containers reach through their gateway, and where nobody
 * listens; and for servers that must not be on loopback, which engines trust blindly.
 */
export const SECOND_ADDRESS = "10.255.255.1";

/** Makes and boots a machine (root only). */
export async function createMachine(options: MachineOptions): Promise<Machine> {
  const folder = await newRunFolder(options.name);
  await mkdir(join(folder, "cgroup"), { recursive: true });
  await writeFile(join(folder, "resolv.conf"), `nameserver ${options.nameserver ?? SECOND_ADDRESS}\n`);
  await writeFile(
    join(folder, "hosts"),
    ["127.0.0.1 localhost", ...(options.hosts ?? []), `127.0.1.1 ${options.name}`, ""].join("\n"),
  );
  await writeFile(join(folder, "boot.sh"), bootScript(folder, options));
  let holder: ChildProcess | undefined;
  let init = 0;
  const environment = (extra: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv => ({
    ...options.engine.environment(process.env),
    ...extra,
  });
  const launcher = (): string[] => ["nsenter", "--target", String(init), "--mount", "--uts", "--net", "--pid", "--"];

  const machine: Machine = {
    name: options.name,
    folder,
    cgroup: cgroupOf(folder),
    initPid: () => init,
    launcher,
    boot: async () => {
      holder = spawnHolder(join(folder, "boot.sh"), environment());
      await untilBooted(holder, options.name);
      init = await onlyChild(holder.pid ?? 0);
      holder.unref();
    },
    exec: async (command, { timeoutMs = DEFAULT_EXEC_TIMEOUT_MS, env } = {}) => {
      const [program = "", ...args] = [...launcher(), ...command];
      const child = spawn(program, args, {
        env: environment(env),
        stdio: ["ignore", "pipe", "pipe"],
        timeout: timeoutMs,
      });
      const output = collect(child);
      const [code] = (await once(child, "close")) as [number | null];
      if (code === 0) return output.stdout();
      throw new Error(
        `"${command.join(" ")}" on ${options.name} ended with ${code ?? "a signal (time-out?)"}: ${output.all()}`,
      );
    },
    start: (command, { env, logFile } = {}) => startInside(spawnInside(launcher(), command, environment(env)), logFile),
    run: async (command, { env, logFile }) => {
      const child = spawnInside(launcher(), command, environment(env));
      const pid = await childOnceForked(child);
      return watchProgram(child, logFile, {
        pid,
        kill: (signal) => pid > 0 && isAlive(pid) && process.kill(pid, signal),
      });
    },
    powerCut: async () => {
      if (holder === undefined || holder.exitCode !== null || holder.signalCode !== null) return;
      holder.ref();
      const ended = once(holder, "exit");
      holder.kill("SIGKILL");
      await ended;
      while (isAlive(init)) await new Promise((resolve) => setTimeout(resolve, 10));
    },
    remove: async () => {
      await machine.powerCut();
      await removeRunFolder(folder);
    },
  };
  await machine.boot();
  return machine;
}

// setpriv: the holder dies with this process; unshare --kill-child: the machine's init dies with the holder, and with a
// pid namespace's init the kernel ends every process in it.
function spawnHolder(script: string, env: NodeJS.ProcessEnv): ChildProcess {
  const namespaces = [
    "--mount",
    "--uts",
    "--net",
    "--pid",
    "--fork",
    "--kill-child=KILL",
    "--mount-proc",
    "--propagation=private",
  ];
  return spawn("setpriv", ["--pdeathsig", "KILL", "unshare", ...namespaces, "/bin/sh", "-eu", script], {
    env,
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
}

// A fresh sysfs shows this network namespace's interfaces (dockerd waits for them there); the cgroup tree stays the outer
// one. /run is its own, so that lock files and sockets of the outer system are out of reach.
function bootScript(folder: string, { name }: MachineOptions): string {
  return `
mount --rbind /sys/fs/cgroup ${folder}/cgroup
mount -t sysfs sysfs /sys
mount --rbind ${folder}/cgroup /sys/fs/cgroup
mount -t tmpfs -o mode=755 tmpfs /run
resolv=$(readlink -m /etc/resolv.conf)
mkdir -p "\${resolv%/*}"
[ -e "$resolv" ] || : > "$resolv"
mount --bind ${folder}/resolv.conf "$resolv"
mount --bind ${folder}/hosts /etc/hosts
echo ${name} > /proc/sys/kernel/hostname
ip link set lo up
ip addr add ${SECOND_ADDRESS}/32 dev lo
echo booted
exec docker-init -s -- sleep infinity
`;
}

async function untilBooted(holder: ChildProcess, name: string): Promise<void> {
  const output = collect(holder);
  const deadline = Date.now() + BOOT_TIMEOUT_MS;
  while (!output.stdout().includes("booted")) {
    if (holder.exitCode !== null || Date.now() > deadline)
      throw new Error(`Machine ${name} did not boot: ${output.all()}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

function spawnInside(launcher: readonly string[], command: readonly string[], env: NodeJS.ProcessEnv): ChildProcess {
  const [program = "", ...args] = [...launcher, ...command];
  return spawn(program, args, { env, stdio: ["ignore", "pipe", "pipe"], detached: true });
}

async function startInside(child: ChildProcess, logFile: string | undefined): Promise<MachineProcess> {
  const output: Output = collect(child, logFile);
  const ended = once(child, "exit").then(([code]) => (code as number | null) ?? undefined);
  const pid = await childOnceForked(child);
  return {
    pid,
    ended,
    output: () => output.all(),
    kill: (signal) => void (pid > 0 && isAlive(pid) && process.kill(pid, signal)),
  };
}

// nsenter forks after it has entered the pid namespace, which is a moment after its own start. 0: it ended before that.
async function childOnceForked(nsenter: ChildProcess): Promise<number> {
  for (;;) {
    const child = await onlyChild(nsenter.pid ?? 0).catch(() => undefined);
    if (child !== undefined) return child;
    if (nsenter.exitCode !== null || nsenter.signalCode !== null) return 0;
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
