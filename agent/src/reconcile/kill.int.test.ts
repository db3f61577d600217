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
const KEPT = /_[0-9a-f]{12}$/;
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

function startAgent(revision: number, killAt = ""): ChildProcess {
  const args = ["--conditions=@windflow/source", PROGRAM, machine.socketPath, String(revision), folder, killAt];
  return spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
}

/** Resolves with the exit code; null when it was killed. */
async function endOf(agent: ChildProcess): Promise<number | null> {
  const [code] = (await once(agent, "exit")) as [number | null];
  return code;
}

/** What an agent that ended in order left; containers that are kept for a moment after they were replaced are none of it. */
async function expectRevision(revision: number): Promise<void> {
  const engine = createDockerEngine({ socketPath: machine.socketPath });
  const containers = (await engine.listContainers()).filter(({ name }) => !KEPT.test(name));
  expect(containers.map(({ name, state }) => `${name} ${state}`).toSorted()).toEqual([
    "shop-db-1 running",
    "shop-web-1 running",
    "shop-web-2 running",
  ]);
  const inspected = await Promise.all(containers.map(({ id }) => machine.docker.getContainer(id).inspect()));
  const told = inspected.flatMap(({ Config }) => Config.Env.filter((entry) => entry.startsWith("REVISION")));
  expect(told).toEqual([`REVISION=${revision}`, `REVISION=${revision}`, `REVISION=${revision}`]);
  expect((await engine.listNetworks()).filter(({ name }) => name.startsWith("shop"))).toHaveLength(1);
  expect((await engine.listVolumes()).map(({ name }) => name)).toEqual(["shop_data"]);
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
  expect(await endOf(startAgent(2))).toBe(0);
  await expectRevision(2);
});

test.each([
  ["create-network", 0, 1],
  ["create-volume", 0, 1],
  ["create-container", 1, 2],
  ["stop-container", 2, 1],
  ["start-container", 1, 2],
  ["run-hook", 2, 1],
  ["rename-container", 1, 2],
  ["remove-container", 2, 3],
  ["remove-network", 1, 3],
  ["remove-volume", 1, 4],
])("killed before and after %s, on the way from revision %i to %i", async (op, from, to) => {
  expect(await endOf(startAgent(from))).toBe(0);
  if (op === "create-volume") await machine.docker.getVolume("shop_data").remove();
  expect(await endOf(startAgent(to, `${op} started`))).toBeNull();
  expect(await endOf(startAgent(to, `${op} done`))).toBeNull();
  expect(await endOf(startAgent(to))).toBe(0);
  await expectRevision(to);
});
