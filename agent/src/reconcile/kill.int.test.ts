import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { buildImages, startTestEngine, type TestEngine } from "@windflow/e2e/testbed";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createDockerEngine } from "../engines/docker/index.ts";

const KILLS = 12;
// An agent is connected after 0.3 s and done after about 2 s: the kills fall before, into and after its steps.
const LATEST_KILL_MS = 2_200;
const PROGRAM = fileURLToPath(new URL("testing/kill-me.ts", import.meta.url));

let machine: TestEngine;
let folder: string;

beforeAll(async () => {
  machine = await startTestEngine();
  await buildImages(machine.docker, ["busybox"]);
  folder = await mkdtemp(join(tmpdir(), "windflow-kill-"));
});
afterAll(async () => {
  await machine.stop();
  await rm(folder, { recursive: true, force: true });
});

function startAgent(revision: number): ChildProcess {
  const args = ["--conditions=@windflow/source", PROGRAM, machine.socketPath, String(revision), folder];
  return spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
}

test("an agent that is killed at any moment of a change leaves nothing that the next one cannot finish", async () => {
  for (let kill = 0; kill < KILLS; kill++) {
    const agent = startAgent((kill % 3) + 1);
    const ended = once(agent, "exit");
    // Spread evenly and out of step with the revisions.
    await pause(((kill * 7) % KILLS) * (LATEST_KILL_MS / KILLS));
    agent.kill("SIGKILL");
    await ended;
  }
  const last = startAgent(2);
  const [code] = (await once(last, "exit")) as [number | null];
  expect(code).toBe(0);

  const engine = createDockerEngine({ socketPath: machine.socketPath });
  const containers = await engine.listContainers();
  expect(containers.map(({ name, state }) => `${name} ${state}`).toSorted()).toEqual([
    "shop-db-1 running",
    "shop-web-1 running",
    "shop-web-2 running",
  ]);
  const inspected = await Promise.all(containers.map(({ id }) => machine.docker.getContainer(id).inspect()));
  expect(inspected.flatMap(({ Config }) => Config.Env.filter((entry) => entry.startsWith("REVISION")))).toEqual([
    "REVISION=2",
    "REVISION=2",
    "REVISION=2",
  ]);
  expect((await engine.listNetworks()).filter(({ name }) => name.startsWith("shop"))).toHaveLength(1);
  expect((await engine.listVolumes()).map(({ name }) => name)).toEqual(["shop_data"]);
});
