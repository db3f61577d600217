import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { ComposeModel } from "@windflow/core";
import { buildImages, startTestEngine, type TestEngine } from "@windflow/e2e/testbed";
import { afterAll, beforeAll, expect, test } from "vitest";
import { stackOf, startHarness, type Harness } from "./testing/harness.ts";

const run = promisify(execFile);
const SHOP = `
name: shop
services:
  db:
    image: wf/busybox:1
    command: ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 3600 & wait $$!; done"]
    volumes: ["data:/data", {type: tmpfs, target: /scratch, tmpfs: {size: 1m}}]
    networks: {back: {aliases: [database]}}
    healthcheck: {test: ["CMD", "true"], interval: 1s, timeout: 3s, retries: 3}
    restart: unless-stopped
    stop_grace_period: 5s
  web:
    image: wf/busybox:1
    command: ["httpd", "-f", "-p", "80"]
    init: true
    environment: {EMPTY: "", SPECIAL: "a=b<&>'\\"$$x"}
    ports: ["18080:80", "127.0.0.1:18081:81/udp"]
    networks: [back, front]
    depends_on: {db: {condition: service_healthy}}
    deploy: {resources: {limits: {cpus: "0.5", memory: 64m}}}
    labels: {team: shop}
    ulimits: {nofile: 1024}
    extra_hosts: ["example.test:10.0.0.1"]
  side:
    image: wf/busybox:1
    command: ["sleep", "3600"]
    init: true
    network_mode: "service:db"
    stop_grace_period: 1s
  pair:
    image: wf/busybox:1
    command: ["sleep", "3600"]
    init: true
    networks: [back]
    deploy: {replicas: 2}
    stop_grace_period: 1s
networks: {back: {}, front: {internal: true}}
volumes: {data: {}}
`;

let machine: TestEngine;
let harness: Harness;
let folder: string;

beforeAll(async () => {
  machine = await startTestEngine();
  await buildImages(machine.docker, ["busybox"]);
  folder = await mkdtemp(join(tmpdir(), "windflow-interop-"));
  await writeFile(join(folder, "compose.yaml"), SHOP);
  harness = startHarness(machine.socketPath);
});
afterAll(async () => {
  await harness.stop();
  await machine.stop();
  await rm(folder, { recursive: true, force: true });
});

async function compose(...args: string[]): Promise<string> {
  const environment = { ...machine.programs.environment(process.env), DOCKER_HOST: `unix://${machine.socketPath}` };
  const program = join(machine.programs.pluginFolder, "docker-compose");
  const { stdout, stderr } = await run(program, args, { cwd: folder, env: environment });
  return stdout + stderr;
}

async function model(): Promise<ComposeModel> {
  const text = await compose("config", "--format", "json");
  return JSON.parse(text.replaceAll("$$", "$")) as ComposeModel;
}

async function containerIds(): Promise<string[]> {
  const containers = await machine.docker.listContainers({ all: true });
  return containers.map(({ Id }) => Id).toSorted();
}

test("docker compose finds our stack, sees nothing to recreate, and takes it down", async () => {
  const { name: _name, ...shop } = await model();
  await harness.deploy(stackOf("shop", 1, shop));
  const before = await containerIds();

  expect(await compose("ls")).toMatch(/shop\s+running\(5\)/);
  expect(await compose("-p", "shop", "ps")).toMatch(/shop-web-1[\s\S]*18080/);
  expect(await compose("up", "-d")).not.toMatch(/Recreate|Created/);
  expect(await containerIds()).toEqual(before);
  expect((await harness.reconciler.planFor(stackOf("shop", 1, shop))).text).toBe("nothing to do");

  harness.desire();
  await harness.until("it is gone", (report) => report.world?.containers.length === 0);
  expect(await compose("ls", "-a")).not.toContain("shop");
});

test("docker compose up in the moment in which replaced containers are kept recreates nothing", async () => {
  const running = async (): Promise<string[]> => (await machine.docker.listContainers()).map(({ Id }) => Id).toSorted();
  const { name: _name, ...shop } = await model();
  await harness.deploy(stackOf("shop", 1, shop));
  await writeFile(join(folder, "compose.yaml"), SHOP.replace('EMPTY: ""', 'EMPTY: "1"'));
  const { name: _other, ...changed } = await model();
  await harness.deploy(stackOf("shop", 2, changed));
  const before = await running();
  expect(await containerIds()).toHaveLength(before.length + 1);
  expect(await compose("up", "-d")).not.toMatch(/Recreate|Created/);
  expect(await running()).toEqual(before);
  await writeFile(join(folder, "compose.yaml"), SHOP);
  harness.desire();
  await harness.until("it is gone", (report) => report.world?.containers.length === 0);
});

test("what docker compose started under the name of a stack is reported and not touched", async () => {
  await compose("up", "-d");
  const before = await containerIds();
  const { name: _name, ...shop } = await model();
  harness.desire(stackOf("shop", 2, shop));
  const report = await harness.until("the problem is told", (told) => (told.settlements[0]?.problems.length ?? 0) > 0);
  expect(report.settlements[0]?.problems[0]?.message).toContain(
    "a compose project named shop runs on this host already",
  );
  expect(await containerIds()).toEqual(before);
  await compose("down", "-v", "-t", "1");
});
