import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, rmdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestEngine, buildImages, startTestEngine } from "@windflow/e2e/testbed";
import { sha256Hex } from "@windflow/core";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { enrollAgent, readConfig } from "./index.ts";
import { type TestControlPlane, startTestControlPlane } from "./testing/control-plane.ts";

const MB = 1024 * 1024;
/** Room for the agent from its sources, for the workload, and for as much again as both. */
const LIMIT_BYTES = 480 * MB;
/** More than the agent has: by size alone the kernel would end it first. */
const WORKLOAD_BYTES = 160 * MB;
/** What the hog takes at once, and how long it waits then. */
const STEP = { bytes: 2 * MB, pauseMs: 5 };
// Between the agent's 900 and the workload's 0, and far from both: the kernel adds the memory that each has, and at the limit that of the
// hog is the most.
const HOG_SCORE = 200;
const PATIENCE = { timeout: 60_000, interval: 100 };
const TIMEOUT_MS = 300_000;

/** A control group with a limit, of version 1 or 2. */
interface Group {
  readonly procs: string;
  /** With a line that counts what the kernel ended. */
  readonly ended: string;
  /** What the kernel says of it, and of what it ended in it. */
  standing(): string;
  remove(): void;
}

function limitedGroup(): Group {
  const name = `wf-out-of-memory-${process.pid}`;
  const isFirst = existsSync("/sys/fs/cgroup/memory");
  const folder = join("/sys/fs/cgroup", isFirst ? "memory" : "", name);
  mkdirSync(folder);
  if (!isFirst) writeFileSync("/sys/fs/cgroup/cgroup.subtree_control", "+memory");
  writeFileSync(join(folder, isFirst ? "memory.limit_in_bytes" : "memory.max"), String(LIMIT_BYTES));
  const swap = join(folder, isFirst ? "memory.memsw.limit_in_bytes" : "memory.swap.max");
  if (existsSync(swap)) writeFileSync(swap, isFirst ? String(LIMIT_BYTES) : "0");
  const ended = join(folder, isFirst ? "memory.oom_control" : "memory.events");
  const standing = (): string => {
    const files = [ended, join(folder, "memory.stat"), ...(isFirst ? [join(folder, "memory.usage_in_bytes")] : [])];
    const kernel = spawnSync("dmesg", { encoding: "utf8" }).stdout ?? "";
    return [
      ...files.map((file) => readFileSync(file, "utf8")),
      ...kernel
        .split("\n")
        .filter((line) => line.includes("oom") || line.includes("Killed"))
        .slice(-10),
    ].join("\n");
  };
  return { procs: join(folder, "cgroup.procs"), ended, standing, remove: () => rmdirSync(folder) };
}

let engine: TestEngine;
let plane: TestControlPlane;
let folder: string;
let group: Group;
let started: ChildProcess[];
beforeAll(async () => {
  engine = await startTestEngine();
  await buildImages(engine.docker, ["busybox"]);
});
afterAll(async () => engine.stop());
beforeEach(async () => {
  plane = await startTestControlPlane();
  folder = mkdtempSync(join(tmpdir(), "windflow-memory-"));
  group = limitedGroup();
  started = [];
});
afterEach(async () => {
  const running = started.filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null);
  const ended = running.map((child) => new Promise((resolve) => child.once("exit", resolve)));
  // The supervisor's whole group, or the agent that it began would stay.
  for (const { pid = 0 } of running) process.kill(-pid, "SIGKILL");
  await Promise.all(ended);
  await vi.waitFor(() => group.remove(), PATIENCE);
  await plane.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** Begins a shell line, in a process group of its own. */
function shell(line: string): ChildProcess {
  const child = spawn("sh", ["-c", line], {
    detached: true,
    stdio: ["pipe", "pipe", "ignore"],
  });
  started.push(child);
  return child;
}

/** Has its memory, and works on. */
const WORKLOAD = `
  const mine = Buffer.alloc(${WORKLOAD_BYTES}, 1);
  process.stdout.write("taken");
  setInterval(() => mine.fill(2, 0, ${MB}), 100);`;

/**
 * Takes memory until the kernel has ended something, and ends. It may be ended too: the kernel counts the memory of one that it has
 * ended as free a moment after it is done with it, and ends the next one meanwhile.
 */
const HOG = (ended: string): string => `
  const { readFileSync } = require("node:fs");
  const taken = [];
  const take = () => {
    if (!/^oom_kill 0$/m.test(readFileSync("${ended}", "utf8"))) return;
    taken.push(Buffer.alloc(${STEP.bytes}, 1));
    setTimeout(take, ${STEP.pauseMs});
  };
  take();`;

test(
  "with no memory left the kernel ends the agent and not the workload; it comes back, and nothing is lost or touched",
  async () => {
    const config = readConfig({ stateDir: join(folder, "state"), dockerHost: `unix://${engine.socketPath}` });
    await enrollAgent(config, { server: plane.url, token: "token", caSha256: sha256Hex(plane.authority.root) });
    const container = await engine.docker.createContainer({ Image: "wf/busybox:1", Cmd: ["sleep", "3600"] });
    await container.start();
    const before = await container.inspect();

    // As the launcher does it: offered to the kernel from its first moment on. What starts it again is not inside the limit, as an init
    // system is not: the kernel would end that too while the agent's memory is on its way back. Only once there is room: one after
    // the other would be ended at its start, and the workload thrash beside them.
    const main = join(import.meta.dirname, "main.ts");
    const place = `--state-dir ${config.stateDir} --docker-host unix://${engine.socketPath}`;
    const run = `exec ${process.execPath} --conditions=@windflow/source --no-warnings ${main} run ${place}`;
    const launch = `echo $$ > ${folder}/pid; echo $$ > ${group.procs}; echo 900 > /proc/self/oom_score_adj; ${run}`;
    shell(
      `while :; do sh -c '${launch}' >/dev/null; echo $? >> ${folder}/ends; while [ ! -e ${folder}/room ]; do sleep 0.5; done; done`,
    );
    await vi.waitFor(() => expect(plane.sessions).toHaveLength(1), PATIENCE);
    const pid = readFileSync(join(folder, "pid"), "utf8").trim();
    expect(readFileSync(`/proc/${pid}/oom_score_adj`, "utf8").trim()).toBe("900");

    const workload = shell(`echo $$ > ${group.procs}; exec ${process.execPath} -e '${WORKLOAD}'`);
    let said = "";
    workload.stdout?.on("data", (bytes: Buffer) => (said += bytes.toString()));
    await vi.waitFor(() => expect(said).toBe("taken"), PATIENCE);
    const score = `echo ${HOG_SCORE} > /proc/self/oom_score_adj`;
    const hog = shell(`echo $$ > ${group.procs}; ${score}; exec ${process.execPath} -e '${HOG(group.ended)}'`);
    const ends = (): string => (existsSync(join(folder, "ends")) ? readFileSync(join(folder, "ends"), "utf8") : "");
    // 137: ended by SIGKILL.
    await vi
      .waitFor(() => expect(ends()).toMatch(/^137$/m), PATIENCE)
      .catch((error: unknown) => {
        const stateOf = ({ exitCode, signalCode }: ChildProcess): string => String(exitCode ?? signalCode ?? "runs");
        const meanwhile = `the hog: ${stateOf(hog)}, the workload: ${stateOf(workload)}, the group:\n${group.standing()}`;
        throw new Error(`the kernel did not end the agent; ${meanwhile}`, { cause: error });
      });
    await vi.waitFor(() => expect(hog.exitCode ?? hog.signalCode).not.toBeNull(), PATIENCE);
    writeFileSync(join(folder, "room"), "");

    const starts = (): number =>
      [...plane.spools.values()]
        .flat()
        .filter(({ kind }) => kind?.$case === "event" && kind.value.type === "agent.started").length;
    await vi.waitFor(() => expect(starts()).toBeGreaterThan(1), PATIENCE);
    // One spool, and every number of it once: what was on the disk came after the kill.
    expect(plane.spools.size).toBe(1);
    const numbers = [...plane.spools.values()].flat().map(({ sequence }) => sequence);
    expect(numbers).toEqual(numbers.map((_, index) => BigInt(index + 1)));
    const after = await container.inspect();
    expect(after.State).toMatchObject({ Running: true, Pid: before.State.Pid, StartedAt: before.State.StartedAt });
    expect(workload.exitCode).toBeNull();
    expect(workload.signalCode).toBeNull();
  },
  TIMEOUT_MS,
);
