import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DesiredState, ObservedState } from "@windflow/proto/agent";
import type { Rollout, Stack } from "@windflow/proto/api";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { observedStack } from "./testing/observed.ts";
import { createTestClient, type TestClient } from "./testing/rest.ts";
import { enroll, newHostKey, openTestSession, type TestIdentity, type TestSession } from "./testing/test-agent.ts";

// The scenario in e2e/ kills twelve times with real agents; this one goes without an engine.
const KILLS = 8;
const HOSTS = ["alpha", "beta", "gamma"];
// Between acknowledgement and the end of a rollout of three hosts, one after the other, with a gate of a second each.
const LONGEST_LIFE_MS = 3_500;
const PATIENCE_MS = 60_000;

let folder: string;
let port: number;
let child: ChildProcess | undefined;
let rest: TestClient;
let ca: string;
const machines: { stop(): void }[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "windflow-crash-"));
  await chmod(folder, 0o711);
  port = await freePort();
  await start();
});
afterAll(async () => {
  for (const machine of machines) machine.stop();
  if (child !== undefined && child.exitCode === null) {
    child.kill("SIGTERM");
    await once(child, "exit");
  }
  await rm(folder, { recursive: true, force: true });
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port: free } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return free;
}

async function start(): Promise<void> {
  const flags = ["--state", join(folder, "state"), "--address", "127.0.0.1", "--port", String(port)];
  const token = join(folder, "token.json");
  const program = ["--conditions=@windflow/source", join(import.meta.dirname, "main.ts")];
  child = spawn(process.execPath, [...program, ...flags, "--local-token-file", token], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { PATH: process.env["PATH"], NODE_COMPILE_CACHE: process.env["NODE_COMPILE_CACHE"] },
  });
  let output = "";
  child.stdout?.setEncoding("utf8").on("data", (chunk: string) => (output += chunk));
  await vi.waitFor(() => expect(output).toContain("The control plane is ready."), {
    timeout: PATIENCE_MS,
    interval: 20,
  });
  const local = JSON.parse(await readFile(token, "utf8")) as { token: string; roots: string };
  ca = local.roots;
  rest = createTestClient({ port, ca, headers: { authorization: `Bearer ${local.token}` } });
}

async function kill(): Promise<void> {
  if (child === undefined) return;
  const exited = once(child, "exit");
  child.kill("SIGKILL");
  await exited;
}

async function call<Answer>(method: string, path: string, body?: unknown): Promise<Answer> {
  const response = await rest.call(method, `/v1/organizations/default/${path}`, body);
  if (response.status !== 200) throw new Error(`${method} ${path}: ${response.status} ${response.text}`);
  return response.json as Answer;
}

/** A host that comes back by itself and does what it is told; its engine is instant. */
async function runMachine(name: string): Promise<string> {
  const { secret } = await call<{ secret: string }>("POST", "enrollmentTokens", {});
  const key = await newHostKey();
  const { hostId, certificateChain } = await enroll({ port, ca }, secret, key, name);
  const identity: TestIdentity = { hostId, certificateChain, ...key };
  let stopped = false;
  let session: TestSession | undefined;
  let desired: DesiredState | undefined;
  const healthySince = new Map<string, Date>();
  let reports = 0;

  function observe(): void {
    if (desired === undefined || session === undefined) return;
    reports += 1;
    const state: ObservedState = {
      at: new Date(),
      digest: `${name} ${reports}`,
      generation: desired.generation,
      containers: [],
      engineProblem: "",
      stacks: desired.stacks.map(({ stackId, revision }) => {
        const since = healthySince.get(`${stackId} ${revision}`) ?? new Date();
        healthySince.set(`${stackId} ${revision}`, since);
        return observedStack({ stackId, revision, healthySince: since });
      }),
    };
    session.send({ $case: "observed", value: state });
  }
  async function live(): Promise<void> {
    while (!stopped) {
      try {
        session = await openTestSession(
          { port, ca },
          identity,
          desired === undefined ? {} : { generation: desired.generation },
        );
        observe();
        for (;;) {
          desired = await session.next("desiredState", 3_600_000);
          session.send({
            $case: "desiredStateReply",
            value: { generation: desired.generation, refused: "", code: "" },
          });
          observe();
        }
      } catch {
        session?.close();
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
  }
  const living = live();
  machines.push({
    stop: () => {
      stopped = true;
      session?.close();
      living.catch(() => undefined);
    },
  });
  return hostId;
}

test(`${KILLS} SIGKILLs at different moments: every rollout that was acknowledged ends as if nothing had happened`, async () => {
  const hostIds = await Promise.all(HOSTS.map(runMachine));
  const stack = await call<Stack>("POST", "stacks", { name: "crashing", placement: { hostIds } });
  const acknowledged: string[] = [];
  for (let round = 1; round <= KILLS; round++) {
    const source = { files: { "compose.yaml": `services: {web: {image: "web:${round}"}}` } };
    await call("POST", `stacks/${stack.id}/revisions`, { source });
    // Between "before the request is read" and "long after the end", in even steps that are the same in every run.
    const life = new Promise((resolve) => setTimeout(resolve, (LONGEST_LIFE_MS * (round - 1)) / (KILLS - 1)));
    const wanted = { stackId: stack.id, revision: round, maxParallel: 1, healthGate: { stableSeconds: 1 } };
    const created = call<Rollout>("POST", "rollouts", wanted).then(
      (rollout) => acknowledged.push(rollout.id),
      () => undefined,
    );
    await life;
    await kill();
    await created;
    await start();
    // What was not acknowledged may have happened or not: it is asked for again, as a person would.
    const { rollouts } = await call<{ rollouts: Rollout[] }>("GET", `rollouts?stackId=${stack.id}&page.size=500`);
    const newest = rollouts[0];
    const rolloutId = newest?.revision === round ? newest.id : (await call<Rollout>("POST", "rollouts", wanted)).id;
    await expect
      .poll(() => call<Rollout>("GET", `rollouts/${rolloutId}`), { timeout: PATIENCE_MS, interval: 50 })
      .toMatchObject({ state: "STATE_SUCCEEDED", hostsSucceeded: HOSTS.length });
    expect(await call("GET", `stacks/${stack.id}`)).toMatchObject({ currentRevision: round, activeRolloutId: "" });
  }
  const { rollouts } = await call<{ rollouts: Rollout[] }>("GET", `rollouts?stackId=${stack.id}&page.size=500`);
  const kept = new Set(rollouts.map((rollout) => rollout.id));
  expect(acknowledged.filter((id) => !kept.has(id))).toEqual([]);
  expect(acknowledged.length).toBeGreaterThan(KILLS / 2);
  expect(new Set(rollouts.map((rollout) => rollout.state))).toEqual(new Set(["STATE_SUCCEEDED"]));
  const desired = await Promise.all(hostIds.map((id) => call<{ desiredGeneration: string }>("GET", `hosts/${id}`)));
  expect(desired.map((host) => host.desiredGeneration)).toEqual(HOSTS.map(() => `1.${KILLS}`));
}, 600_000);
