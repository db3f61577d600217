import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sha256Hex } from "@windflow/core";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { AgentStatus } from "./control/agent-status.ts";
import { type TestControlPlane, startTestControlPlane } from "./testing/control-plane.ts";

let plane: TestControlPlane;
let folder: string;
beforeEach(async () => {
  plane = await startTestControlPlane();
  folder = mkdtempSync(join(tmpdir(), "windflow-cli-"));
});
afterEach(async () => {
  await plane.stop();
  rmSync(folder, { recursive: true, force: true });
});

interface Finished {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}
function agent(args: readonly string[], stdin = ""): { child: ChildProcess; finished: Promise<Finished> } {
  const child = spawn(process.execPath, [
    "--conditions=@windflow/source",
    "--no-warnings",
    join(import.meta.dirname, "main.ts"),
    ...args,
    "--state-dir",
    join(folder, "state"),
    "--docker-host",
    "unix:///nonexistent.sock",
  ]);
  let out = "";
  let err = "";
  child.stdout.on("data", (chunk: Buffer) => (out += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (err += chunk.toString()));
  child.stdin.end(stdin);
  const finished = new Promise<Finished>((resolve) => child.once("close", (code) => resolve({ code, out, err })));
  return { child, finished };
}
const pinned = (): string[] => ["--server", plane.url, "--ca-sha256", sha256Hex(plane.authority.root)];

test("enrol with the token on standard input, look, run, stop: as a person does it", async () => {
  expect(await agent(["run"]).finished).toMatchObject({ code: 1, err: expect.stringContaining("WF_NOT_ENROLLED") });
  expect(await agent(["enroll", ...pinned(), "--name", "edge-7"], "token\n").finished).toMatchObject({
    code: 0,
    err: expect.stringContaining("enrolled as edge-7 (hst_1)"),
  });
  for (const name of ["host-key.pem", "sealing-key.pem", "identity.json"]) {
    expect(statSync(join(folder, "state", name)).mode & 0o777).toBe(0o600);
  }
  expect((await agent(["status"]).finished).out).toMatch(/host +edge-7 \(hst_1\)[\s\S]*valid until 20/);
  const { child, finished } = agent(["run"]);
  await vi.waitFor(() => expect(plane.sessions).toHaveLength(1), { timeout: 15_000 });
  expect(await agent(["stacks"]).finished).toMatchObject({ code: 0, out: "This host runs no stack.\n" });
  const status = (await agent(["status"]).finished).out;
  expect(status).toMatch(/agent +version \S+ runs for .*process \d+\nsession +open for .*, number 1 since the start/);
  expect(status).toMatch(/engine +not seen yet; cannot be asked: /);
  expect(status).toMatch(/spool +\d+ entries wait to be acknowledged/);
  const { agent: told } = JSON.parse((await agent(["status", "--json"]).finished).out) as { agent: AgentStatus };
  expect(told).toMatchObject({ pid: child.pid, state: "ready", sessions: 1, logFile: join(folder, "state/agent.log") });
  expect(told.usage.bytesSent).toBeGreaterThan(500);
  expect(readFileSync(`/proc/${child.pid}/oom_score_adj`, "utf8").trim()).toBe("900");
  const logged = (await agent(["logs", "--lines", "50"]).finished).out;
  expect(logged).toMatch(/^20\S+ info  The control plane welcomed this host\. hostId=hst_1/m);
  const released = { code: 1, err: expect.stringContaining('WF_STACK_UNKNOWN: This host runs no stack "shop".') };
  expect(await agent(["release", "shop"]).finished).toMatchObject(released);
  child.kill("SIGTERM");
  expect(await finished).toMatchObject({ code: 0, out: expect.stringContaining('"to":"stopped"') });
  expect(await agent(["stacks"]).finished).toMatchObject({ code: 1, err: expect.stringContaining("WF_NOT_RUNNING") });
  expect((await agent(["status"]).finished).out).toMatch(/agent +does not run\. No agent answers/);
  expect((await agent(["logs"]).finished).out).toContain("to=stopped");
});

test("run enrols first when it is told how, in one go; the token is neither in the log nor kept", async () => {
  const tokenFile = join(folder, "token");
  writeFileSync(tokenFile, "token\n", { mode: 0o600 });
  const { child, finished } = agent(["run", ...pinned(), "--token-file", tokenFile]);
  await vi.waitFor(() => expect(plane.sessions).toHaveLength(1), { timeout: 15_000 });
  child.kill("SIGINT");
  expect(await finished).toMatchObject({ code: 0 });
  expect(plane.enrollments).toHaveLength(1);
});

test("what is wrong is said in a sentence with a code, and nothing is left half done", async () => {
  const refused = await agent(["enroll", ...pinned()], "wrong").finished;
  expect(refused).toMatchObject({ code: 1, err: expect.stringMatching(/WF_ENROLL_REFUSED: .*the token is not known/) });
  expect(refused.err).not.toContain("at ");
  expect(existsSync(join(folder, "state/identity.json"))).toBe(false);
  expect(await agent(["enroll", "--server", plane.url], "token").finished).toMatchObject({
    code: 1,
    err: expect.stringContaining("--ca-sha256"),
  });
  expect(await agent(["enroll", ...pinned()]).finished).toMatchObject({
    code: 1,
    err: expect.stringContaining("no join token"),
  });
  expect((await agent(["--version"]).finished).out).toMatch(/^windflow-agent \d/);
});
