import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { COMPOSE_LABEL, type ComposeModel, reconstructProject, serviceConfigHash } from "@windflow/core";
import {
  buildImages,
  firstCompose,
  olderCompose,
  startTestEngine,
  testEnginePrograms,
  type ComposeProgram,
  type TestEngine,
} from "@windflow/e2e/testbed";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createDockerEngine, type DockerEngine } from "../engines/docker/index.ts";
import { stackOf, startHarness, type Harness } from "../reconcile/testing/harness.ts";
import { createCreatedContainers } from "./index.ts";

const run = promisify(execFile);
const IDLE = `["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 3600 & wait $$!; done"]`;
const SHOP = `
name: shop
services:
  db:
    image: wf/busybox:1
    command: ${IDLE}
    volumes: ["data:/data"]
    healthcheck: {test: ["CMD", "true"], interval: 1s, timeout: 3s}
    restart: unless-stopped
  web:
    image: wf/busybox:1
    command: ${IDLE}
    profiles: [front]
    hostname: front
    networks: {default: {aliases: [page]}, inner: {ipv4_address: 172.30.8.4}}
    depends_on: {db: {condition: service_healthy}}
    ports: ["80"]
    environment: {A: "1"}
    deploy: {replicas: 1, resources: {limits: {memory: 64m, cpus: "0.5"}}}
    ulimits: {nofile: 1024}
  side:
    image: wf/busybox:1
    command: ${IDLE}
    network_mode: service:db
    depends_on: [db]
networks: {inner: {internal: true, ipam: {config: [{subnet: 172.30.8.0/24}]}}}
volumes: {data: {}}
`;

const FIRST = `
version: "2.4"
services:
  db:
    image: wf/busybox:1
    command: ${IDLE}
    volumes: ["data:/data", "/scratch"]
    mem_limit: 32m
    healthcheck: {test: ["CMD", "true"], interval: 1s}
  web:
    image: wf/busybox:1
    command: ${IDLE}
    links: [db]
    scale: 2
    ports: ["80"]
    environment: [A=1]
volumes: {data: {}}
`;

let machine: TestEngine;
/** Of the newest engine, whose docker compose speaks with the oldest one too. */
let current: Awaited<ReturnType<typeof testEnginePrograms>>;
let engine: DockerEngine;
let harness: Harness;
let folder: string;

beforeAll(async () => {
  machine = await startTestEngine({ release: "20.10" });
  current = await testEnginePrograms();
  await buildImages(machine.docker, ["busybox"]);
  folder = await mkdtemp(join(tmpdir(), "windflow-older-"));
  await writeFile(join(folder, "compose.yaml"), SHOP);
  await writeFile(join(folder, "first.yaml"), FIRST);
  await compose(await olderCompose(), "up", "-d", "--wait");
  engine = createDockerEngine({ socketPath: machine.socketPath });
  harness = startHarness(machine.socketPath, { created: createCreatedContainers(engine) });
  harness.desire();
});
afterAll(async () => {
  await harness?.stop();
  await machine?.stop();
  await rm(folder, { recursive: true, force: true });
});

async function compose({ command, environment }: ComposeProgram, ...args: string[]): Promise<string> {
  const [program, ...first] = command;
  const env = {
    ...current.environment(process.env),
    ...environment,
    DOCKER_HOST: `unix://${machine.socketPath}`,
    COMPOSE_PROFILES: "front",
  };
  const { stdout } = await run(program, [...first, ...args], { cwd: folder, env });
  return stdout;
}
const newest = (): ComposeProgram => ({
  command: [join(current.pluginFolder, "docker-compose")],
  environment: {},
});
async function model(): Promise<ComposeModel> {
  return JSON.parse((await compose(newest(), "config", "--format", "json")).replaceAll("$$", "$")) as ComposeModel;
}

test("the label of an older docker compose is reproduced by its own formula", async () => {
  const { containers } = await engine.inspectProject("shop");
  const { services } = await model();
  const labelsOf = (name: string): Readonly<Record<string, string>>[] =>
    containers.flatMap(({ Config: { Labels: labels } }) => (labels?.[COMPOSE_LABEL.service] === name ? [labels] : []));
  const containerId = (name: string): string | undefined =>
    containers.find(({ Config }) => Config.Labels?.[COMPOSE_LABEL.service] === name)?.Id;
  for (const [name, service] of Object.entries(services)) {
    const [labels = {}] = labelsOf(name);
    const composeVersion = labels[COMPOSE_LABEL.version] ?? "";
    expect(composeVersion).toMatch(/^2\.2[4-9]\./);
    const label = labels[COMPOSE_LABEL.configHash];
    expect([name, serviceConfigHash(service, { composeVersion, containerId })]).toEqual([name, label]);
    // The newest formula would call those with dependencies or profiles changed.
    expect(serviceConfigHash(service, { containerId }) === label).toBe(name === "db");
  }
});

test("what it started is adopted without a change, in its own words and in those that were read back", async () => {
  const read = reconstructProject(await engine.inspectProject("shop"));
  // Old engines add names of their own to the aliases.
  expect(read.model.services["web"]?.networks).toEqual({
    default: { aliases: ["page"] },
    inner: { ipv4_address: "172.30.8.4" },
  });
  for (const { name: _name, ...words } of [await model(), read.model]) {
    const stack = { ...stackOf("shop", 1, words), adopted: read.containerIds };
    expect((await harness.reconciler.planFor(stack)).text).toBe("nothing to do");
  }
});

test("what the first docker compose started, with its own names and hashes, is adopted as well", async ({ skip }) => {
  const first = await firstCompose();
  if (first === undefined) return skip("this machine's release has no docker compose 1");
  await compose(first, "-p", "old", "-f", "first.yaml", "up", "-d");
  const { containers, ...rest } = await engine.inspectProject("old");
  expect(containers.map(({ Name }) => Name).toSorted()).toEqual(["/old_db_1", "/old_web_1", "/old_web_2"]);
  const { model: read, containerIds } = reconstructProject({ containers, ...rest });
  const { name: _name, ...words } = read;
  const stack = { ...stackOf("old", 1, words), adopted: containerIds };
  expect((await harness.reconciler.planFor(stack)).text).toBe("nothing to do");
  const text = await compose(newest(), "-p", "old", "-f", "first.yaml", "config", "--format", "json");
  const { name: _old, ...asked } = JSON.parse(text.replaceAll("$$", "$")) as ComposeModel;
  expect((await harness.reconciler.planFor({ ...stack, model: { name: "old", ...asked } })).text).toBe("nothing to do");
});
