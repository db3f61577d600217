import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import {
  type Daemon,
  type DaemonPlace,
  type EngineRelease,
  type UnpackedEngine,
  startDaemon,
  unpackEngine,
} from "@windflow/installer";
import Docker from "dockerode";
import { type Machine, createMachine } from "./machine.ts";
import { cacheFolder } from "./paths.ts";

export interface EngineChoice {
  /** "current" (28.5 from sid) unless the test is about the oldest engine served. */
  release?: EngineRelease;
  /** The image store that engine 29 has by default. */
  containerdSnapshotter?: boolean;
  /** PEM file with the authorities that it trusts, in place of the system's. */
  trusts?: string;
  /** Room for everything that it stores, in MiB, for tests that fill it; without it as much as the disk has. */
  dataMiB?: number;
  /** More arguments for dockerd. */
  extraArgs?: readonly string[];
}

/** An engine in a machine of its own; nothing of it can be seen by, or disturb, another test's. */
export interface TestEngine {
  readonly socketPath: string;
  /** Where it stores everything. */
  readonly dataRoot: string;
  readonly docker: Docker;
  readonly machine: Machine;
  /** The unpacked programs: docker CLI, compose plugin. */
  readonly programs: UnpackedEngine;
  /** Kills dockerd as a crash does; containers go on running without it. */
  crash(): Promise<void>;
  /** Ends dockerd in order, with its containers. */
  shutDown(): Promise<void>;
  /** Starts dockerd again after crash(), shutDown() or a power cut. */
  restart(): Promise<void>;
  /** Empties the folder that a reboot empties; for between a power cut and restart(). */
  forgetRunState(): Promise<void>;
  /** Ends and removes everything, files too. */
  stop(): Promise<void>;
}

/** Starts a private engine for one test (about 1.5 s; the first ever on a machine fetches it, half a minute). */
export async function startTestEngine(choice: EngineChoice = {}): Promise<TestEngine> {
  const programs = await testEnginePrograms(choice.release);
  const machine = await createMachine({ name: "engine", engine: programs });
  return runEngineOn(machine, programs, choice);
}

/** The unpacked programs of an engine release, fetched on first use. */
export function testEnginePrograms(release: EngineRelease = "current"): Promise<UnpackedEngine> {
  return unpackEngine({ release, cacheFolder, onProgress: (sentence) => console.log(`testbed: ${sentence}`) });
}

/** Starts an engine on a machine that is there already. */
export async function runEngineOn(
  machine: Machine,
  programs: UnpackedEngine,
  choice: EngineChoice,
): Promise<TestEngine> {
  const place = placeOn(machine, choice);
  const trust = choice.trusts === undefined ? [] : ["env", `SSL_CERT_FILE=${choice.trusts}`];
  let daemon: Daemon;
  const start = async (): Promise<void> => {
    daemon = await startDaemon(programs, place, [...machine.launcher(), ...trust]);
  };
  try {
    if (choice.dataMiB !== undefined) await limitData(machine, place, choice.dataMiB);
    await start();
  } catch (error) {
    await machine.remove();
    throw error;
  }
  return {
    socketPath: place.socketPath,
    dataRoot: place.dataRoot,
    docker: new Docker({ socketPath: place.socketPath }),
    machine,
    programs,
    crash: () => daemon.crash(),
    shutDown: () => daemon.stop(),
    restart: start,
    forgetRunState: () => rm(place.execRoot, { recursive: true, force: true }),
    stop: () => machine.remove(),
  };
}

async function limitData(machine: Machine, { dataRoot }: DaemonPlace, dataMiB: number): Promise<void> {
  await mkdir(dataRoot, { recursive: true });
  await machine.exec(["mount", "-t", "tmpfs", "-o", `size=${dataMiB}m`, "tmpfs", dataRoot]);
}

function placeOn(machine: Machine, { containerdSnapshotter = false, extraArgs = [] }: EngineChoice): DaemonPlace {
  return {
    dataRoot: join(machine.folder, "data"),
    execRoot: join(machine.folder, "x"),
    socketPath: join(machine.folder, "docker.sock"),
    logFile: join(machine.folder, "dockerd.log"),
    cgroupParent: machine.cgroup,
    extraArgs: [...(containerdSnapshotter ? ["--feature=containerd-snapshotter=true"] : []), ...extraArgs],
  };
}
