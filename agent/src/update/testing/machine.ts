import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { sha256Hex } from "@windflow/core";
import { type BuildFacts, bundleProgram } from "@windflow/installer/build";
import { enrollAgent } from "../../enroll-agent.ts";
import { readConfig } from "../../config.ts";
import { type TestControlPlane, startTestControlPlane } from "../../testing/control-plane.ts";
import { TRUSTED_KEY } from "./release.ts";

const ROOT = fileURLToPath(new URL("../../../..", import.meta.url));
const LAUNCHER = join(ROOT, "installer/launch.sh");
const PROGRAM = fileURLToPath(new URL("agent-program.ts", import.meta.url));
/** Stands in the bundle for the version, so that one build makes all of them; as long as they are. */
const ANY_VERSION = "9.8.7";
// So that a download has pieces.
const PADDING = `# ${"random enough to stay large ".repeat(2)}\n`;

/** Builds the agents once: version → shell script that is one, to lie in a slot. */
export async function buildPrograms(folder: string, versions: readonly string[]): Promise<Map<string, Buffer>> {
  const outfile = join(folder, "agent.cjs");
  const facts: BuildFacts = {
    version: ANY_VERSION,
    commit: "abc",
    committedAt: "",
    channel: "release",
    releaseKeys: [TRUSTED_KEY],
    runtime: "runtime-unverified",
  };
  await bundleProgram({ root: ROOT, entry: PROGRAM, outfile, format: "cjs", facts });
  const bundle = readFileSync(outfile, "utf8");
  // They are started some hundred times: compiled once, each start takes a quarter less.
  const env = { NODE_COMPILE_CACHE: join(folder, "compiled") };
  return new Map(
    versions.map((version) => {
      const path = join(folder, `agent-${version}.cjs`);
      writeFileSync(path, bundle.replaceAll(ANY_VERSION, version));
      execFileSync(process.execPath, ["--no-warnings", path, "--version"], { env });
      const start = `exec "${process.execPath}" --no-warnings "${path}" "$@"`;
      return [version, scriptOf(`export NODE_COMPILE_CACHE="${env.NODE_COMPILE_CACHE}"\n${start}`)];
    }),
  );
}

/** An agent of which only `--version` is right. */
export function brokenProgram(version: string, run: string): Buffer {
  return scriptOf(`case $1 in
--version) echo "windflow-agent ${version} (commit abc, release)" ;;
self-test) echo "error: unknown command" >&2; exit 1 ;;
*) ${run} ;;
esac`);
}

function scriptOf(body: string): Buffer {
  const noise = Array.from({ length: 60 }, (_, i) => `# ${sha256Hex(`${i}`)}\n`).join("");
  return Buffer.from(`#!/bin/sh\n${PADDING}${noise}${body}\n`);
}

export interface MachineOptions {
  readonly program: Uint8Array;
  /** The shell that the launcher runs in; the system's own without it. */
  readonly shell?: string;
  /** Where the launcher finds its commands. */
  readonly searchPath?: string | undefined;
  /** "launcher: POINT" of installer/launch.sh, or "VERSION: POINT" of an agent. */
  readonly killAt?: string;
  /** Everything on the machine ends with it, as when the power goes; otherwise the process alone. */
  readonly powerCut?: boolean;
}

/** A host with an installed agent, its own control plane, and something that starts the agent again when it has ended. */
export interface Machine {
  readonly plane: TestControlPlane;
  readonly stateDir: string;
  readonly slots: string;
  /** How often the process that the service manager knows has ended. */
  readonly ends: number;
  /** The kill happens once from now on. */
  arm(): void;
  readonly isArmed: boolean;
  /** Process ids of agents and what stands for them. */
  agents(): number[];
  /** Process id of the launcher, or of the agent in its place. */
  launcher(): number;
  current(): string;
  /** Files in the folder of the slots. */
  files(): string[];
  log(): string;
  /** Ends the service as a service manager does. */
  stop(): Promise<void>;
  start(): void;
  remove(): Promise<void>;
}

export async function startMachine(options: MachineOptions): Promise<Machine> {
  const folder = mkdtempSync(join(tmpdir(), "windflow-update-"));
  const [slots, stateDir, killFile] = ["slots", "state", "kill"].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  for (const slot of ["a", "b"]) mkdirSync(join(slots, slot), { recursive: true });
  writeFileSync(join(slots, "a/windflow-agent"), options.program, { mode: 0o755 });
  symlinkSync("a", join(slots, "current"));
  writeFileSync(join(slots, "launch"), launcherWithKills(options.powerCut ?? false), { mode: 0o755 });
  const plane = await startTestControlPlane();
  await enrollAgent(readConfig({ stateDir, dockerHost: "unix:///nonexistent.sock", name: "edge" }), {
    server: plane.url,
    token: "token",
    caSha256: sha256Hex(plane.authority.root),
  });
  let wanted = true;
  let ends = 0;
  let log = "";
  let main: ChildProcess | undefined;
  const groups = new Set<number>();

  const start = (): void => {
    wanted = true;
    const child = spawn(options.shell ?? "sh", [join(slots, "launch"), "run", "--state-dir", stateDir], {
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
      env: {
        PATH: options.searchPath ?? process.env["PATH"],
        NODE_COMPILE_CACHE: process.env["NODE_COMPILE_CACHE"],
        KILL_AT: options.killAt,
        KILL_FILE: killFile,
      },
    });
    main = child;
    if (child.pid !== undefined) groups.add(child.pid);
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => (log += chunk.toString()));
    child.once("exit", () => {
      ends++;
      if (wanted) start();
    });
  };
  const stop = async (): Promise<void> => {
    wanted = false;
    const child = main;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    child.kill("SIGTERM");
    await new Promise((resolve) => child.once("exit", resolve));
  };
  const machine: Machine = {
    plane,
    stateDir,
    slots,
    get ends() {
      return ends;
    },
    arm: () => writeFileSync(killFile, ""),
    get isArmed() {
      return existsSync(killFile);
    },
    agents: () => processesWith(stateDir, slots),
    launcher: () => main?.pid ?? Number.NaN,
    current: () => readlinkSync(join(slots, "current")),
    files: () => readdirSync(slots).toSorted(),
    log: () => log,
    stop,
    start,
    remove: async () => {
      wanted = false;
      for (const group of groups) killGroup(group);
      await plane.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  start();
  return machine;
}

/** The launcher itself, with what stands in it as a remark done: it ends at one of its points. */
function launcherWithKills(powerCut: boolean): string {
  const script = readFileSync(LAUNCHER, "utf8");
  const kill = `kill_here() {
  [ "\${KILL_AT:-}" = "launcher: $1" ] && [ -e "$KILL_FILE" ] || return 0
  rm -f "$KILL_FILE"
  kill -KILL ${powerCut ? "0" : "$$"}
}
`;
  return script.replace("main() {", `${kill}\nmain() {`).replaceAll(/# point: (.+)$/gm, 'kill_here "$1"');
}

function processesWith(stateDir: string, slots: string): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      const line = commandLine(pid);
      return line.includes(stateDir) && !line.includes(join(slots, "launch"));
    })
    .map(Number);
}

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
  } catch {
    return "";
  }
}

function killGroup(group: number): void {
  try {
    process.kill(-group, "SIGKILL");
  } catch {
    // It has ended.
  }
}
