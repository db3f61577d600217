import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, rmdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestEngine, buildImages, startTestEngine } from "@windflow/e2e/testbed";
import { sha256Hex } from "@windflow/core";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { enrollAgent, readConfig } from "./index.ts";
import { type TestControlPlane, startTestControlPlane } from "./testing/control-plane.ts";

const MB = 1024 * 1024;
/** Room for the agent from its sources, and for a workload as large as it. */
const LIMIT_BYTES = 320 * MB;
/** What the workload takes at once, and how long it waits then: less than the agent gives back when it is ended, before that is seen. */
const STEP = { bytes: 2 * MB, pauseMs: 5 };
// Guards for a machine ten times slower: near its limit a group is busy with giving pages away and reading them again.
const PATIENCE = { timeout: 240_000, interval: 100 };
const TIMEOUT_MS = 600_000;

/** A control group with a limit, of version 1 or 2. */
interface Group {
  readonly procs: string;
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
  return { procs: join(folder, "cgroup.procs"), remove: () => rmdirSync(folder) };
}

let plane: TestControlPlane;
let engine: TestEngine;
let folder: string;
let group: Group;
const started: ChildProcess[] = [];
beforeAll(async () => {
  [plane, engine] = await Promise.all([startTestControlPlane(), startTestEngine()]);
  await buildImages(engine.docker, ["busybox"]);
  folder = mkdtempSync(join(tmpdir(), "windflow-memory-"));
  group = limitedGroup();
});
afterAll(async () => {
  const running = started.filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null);
  const ended = running.map((child) => new Promise((resolve) => child.once("exit", resolve)));
  // The supervisor's whole group, or the agent that it began would stay.
  for (const { pid = 0 } of running) process.kill(-pid, "SIGKILL");
  await Promise.all(ended);
  await vi.waitFor(() => group.remove(), PATIENCE);
  await Promise.all([plane.stop(), engine.stop()]);
  rmSync(folder, { recursive: true, force: true });
});

/** Begins a shell line inside the limit, in a process group of its own. */
function inside(line: string): ChildProcess {
  const child = spawn("sh", ["-c", `echo $$ > ${group.procs}; ${line}`], {
    detached: true,
    stdio: ["pipe", "pipe", "ignore"],
  });
  started.push(child);
  return child;
}

/** Takes memory until the agent has none any more, tells it, and gives it back when it is told to. A fixed amount may find room in the end. */
const workloadBeside = (agentPid: string): string => `
  const { readFileSync } = require("node:fs");
  // An ended process has no command line.
  const isThere = () => { try { return readFileSync("/proc/${agentPid}/cmdline").length > 0; } catch { return false; } };
  const taken = [];
  const take = () => {
    if (!isThere()) return process.stdout.write("taken");
    taken.push(Buffer.alloc(${STEP.bytes}, 1));
    setTimeout(take, ${STEP.pauseMs});
  };
  take();
  process.stdin.once("data", () => { taken.length = 0; gc(); process.stdout.write("given back"); });`;

test(
  "with no memory left the kernel ends the agent and not the workload; it comes back, and nothing is lost or touched",
  async () => {
    const config = readConfig({ stateDir: join(folder, "state"), dockerHost: `unix://${engine.socketPath}` });
    await enrollAgent(config, { server: plane.url, token: "token", caSha256: sha256Hex(plane.authority.root) });
    const container = await engine.docker.createContainer({ Image: "wf/busybox:1", Cmd: ["sleep", "3600"] });
    await container.start();
    const before = await container.inspect();

    // As the unit and the launcher do it: offered to the kernel from its first moment on, and started again whatever ended it. Only once
    // there is room: one after the other would be ended at its start, and the workload thrash beside them.
    const main = join(import.meta.dirname, "main.ts");
    const place = `--state-dir ${config.stateDir} --docker-host unix://${engine.socketPath}`;
    const run = `${process.execPath} --conditions=@windflow/source --no-warnings ${main} run ${place}`;
    inside(
      `echo 900 > /proc/self/oom_score_adj; while :; do ${run} >/dev/null & echo $! > ${folder}/pid; wait $!; echo $? >> ${folder}/ends; while [ ! -e ${folder}/room ]; do sleep 0.5; done; done`,
    );
    await vi.waitFor(() => expect(plane.sessions).toHaveLength(1), PATIENCE);
    const pid = readFileSync(join(folder, "pid"), "utf8").trim();
    expect(readFileSync(`/proc/${pid}/oom_score_adj`, "utf8").trim()).toBe("900");

    const workload = inside(`exec ${process.execPath} --expose-gc -e '${workloadBeside(pid)}'`);
    let said = "";
    workload.stdout?.on("data", (bytes: Buffer) => (said += bytes.toString()));
    const ends = (): string => (existsSync(join(folder, "ends")) ? readFileSync(join(folder, "ends"), "utf8") : "");
    // 137: ended by SIGKILL.
    await vi.waitFor(() => expect(ends()).toMatch(/^137$/m), PATIENCE);
    await vi.waitFor(() => {
      expect({ exit: workload.exitCode, signal: workload.signalCode }).toEqual({ exit: null, signal: null });
      expect(said).toBe("taken");
    }, PATIENCE);
    workload.stdin?.write("enough\n");
    await vi.waitFor(() => expect(said).toContain("given back"), PATIENCE);
    writeFileSync(join(folder, "room"), "");

    const sessions = plane.sessions.length;
    await vi.waitFor(() => expect(plane.sessions.length).toBeGreaterThan(sessions - 1), PATIENCE);
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
