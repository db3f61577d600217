import { join } from "node:path";
import type { GateProbe } from "@windflow/core";
import { type MachineProcess, type TestEngine, buildImages, startTestEngine } from "@windflow/e2e/testbed";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import type { ProbeState } from "../reporting/observed-state.ts";

const PATIENCE = { timeout: 20_000 };
const FAST = { service: "web", intervalMs: 200, timeoutMs: 700, successes: 2 };
const SERVER = ["sh", "-c", "mkdir /www; echo all is well > /www/health; exec httpd -f -p 8080 -h /www"];

let machine: TestEngine;
let running: MachineProcess | undefined;

beforeAll(async () => {
  machine = await startTestEngine();
  await buildImages(machine.docker, ["busybox"]);
});
afterAll(async () => machine.stop());
afterEach(async () => {
  running?.kill("SIGKILL");
  await running?.ended;
  for (const one of await machine.docker.listContainers({ all: true }))
    await machine.docker.getContainer(one.Id).remove({ force: true });
});

// Inside the machine: only there the containers' own addresses can be reached, as on a host.
async function probe(checks: readonly GateProbe["check"][], command = SERVER, attempt = "rol_1"): Promise<void> {
  const probes = checks.map((check): GateProbe => ({ ...FAST, check }));
  const script = join(import.meta.dirname, "testing/probe-me.ts");
  const flags = ["--conditions=@windflow/source", "--no-warnings", script];
  const args = [machine.socketPath, attempt, JSON.stringify(probes), JSON.stringify(command)];
  running = await machine.machine.start([process.execPath, ...flags, ...args]);
}
const lines = (): ProbeState[][] =>
  (running?.output() ?? "")
    .split("\n")
    .flatMap((line) => (line.startsWith("[") && line.endsWith("]") ? [JSON.parse(line) as ProbeState[]] : []));
const last = (): ProbeState[] => lines().at(-1) ?? [];
const passed = (): boolean[] => last().map((one) => one.passed);

test("an address, a port, a text and a command inside pass after as many times in a row as were asked; then nothing is asked any more", async () => {
  await probe([
    { kind: "http", port: 8080, path: "/health", status: 200, contains: "all is well" },
    { kind: "tcp", port: 8080 },
    { kind: "exec", command: ["sh", "-c", "date >> /asked; test -f /www/health"] },
  ]);
  await expect.poll(passed, PATIENCE).toEqual([true, true, true]);
  expect(last()).toMatchObject([
    { name: "http :8080/health", service: "web", successes: 2, cause: "status 200, with the text in its answer" },
    { name: "tcp :8080", successes: 2, cause: "it takes connections" },
    { successes: 2, cause: "it ended with 0" },
  ]);
  const count = lines().length;
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  expect(lines()).toHaveLength(count);
  const { out } = await asked();
  expect(out).toBe("2");
});

test("what is wrong is said: a status, a missing text, a closed port, an answer that never comes, a command that fails or hangs", async () => {
  const hanging = ["sh", "-c", "mkdir /www; nc -lk -p 9090 -e sleep 60 & exec httpd -f -p 8080 -h /www"];
  await probe(
    [
      { kind: "http", port: 8080, path: "/none" },
      { kind: "http", port: 8080, path: "/", status: 204 },
      { kind: "tcp", port: 81 },
      { kind: "http", port: 9090, path: "/" },
      { kind: "exec", command: ["sh", "-c", "echo no database; exit 7"] },
      { kind: "exec", command: ["sleep", "60"] },
    ],
    hanging,
  );
  const cause = [
    "status 404",
    expect.stringMatching(/^status 4\d\d$/),
    expect.stringContaining("ECONNREFUSED"),
    expect.stringMatching(/no answer in time|ECONNREFUSED|socket hang up/),
    "it ended with 7: no database",
    expect.stringMatching(/^no answer in time/),
  ];
  await expect.poll(() => last().map((one) => one.cause), PATIENCE).toEqual(cause);
  expect(passed()).toEqual([false, false, false, false, false, false]);
});

test("a command that hangs is not begun again beside the one that still runs", async () => {
  await probe([{ kind: "exec", command: ["sh", "-c", "echo >> /asked; sleep 60"] }]);
  await expect.poll(() => last()[0]?.cause, PATIENCE).toBe("no answer in time, and the command still runs");
  await new Promise((resolve) => setTimeout(resolve, 2_000));
  expect(await asked()).toEqual({ out: "1" });
});

test("an agent that comes after it, in the middle, asks again and comes to the same", async () => {
  await probe([{ kind: "tcp", port: 8080 }]);
  await expect.poll(passed, PATIENCE).toEqual([true]);
  running?.kill("SIGKILL");
  await running?.ended;
  await probe([{ kind: "tcp", port: 8080 }]);
  await expect.poll(passed, PATIENCE).toEqual([true]);
});

test("one failure begins the count anew", async () => {
  await probe([{ kind: "exec", command: ["sh", "-c", "n=$(cat /n || echo 0); echo $((n+1)) > /n; test $n != 1"] }]);
  await expect.poll(passed, PATIENCE).toEqual([true]);
  expect(lines().map(([state]) => state?.successes)).toEqual([1, 0, 1, 2]);
});

async function asked(): Promise<{ readonly out: string }> {
  const [container] = await machine.docker.listContainers();
  const exec = await machine.docker
    .getContainer(container?.Id ?? "")
    .exec({ Cmd: ["sh", "-c", "wc -l < /asked"], AttachStdout: true, Tty: true });
  const stream = await exec.start({ Tty: true });
  let out = "";
  for await (const bytes of stream) out += String(bytes);
  return { out: out.trim() };
}
