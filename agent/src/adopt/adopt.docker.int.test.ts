import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import {
  COMPOSE_LABEL,
  type ComposeModel,
  type DesiredStack,
  createdAs,
  differsFromCreated,
  networkConfigHash,
  reconstructProject,
  serviceConfigHash,
} from "@windflow/core";
import { buildImages, startTestEngine, type TestEngine } from "@windflow/e2e/testbed";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { createDockerEngine, type DockerEngine } from "../engines/docker/index.ts";
import type { ReconcilerOptions } from "../reconcile/options.ts";
import { stackOf, startHarness, type Harness } from "../reconcile/testing/harness.ts";
import { createCreatedContainers, projectReply } from "./index.ts";

const run = promisify(execFile);
const SHOP = `
name: shop
services:
  db:
    image: wf/redis:1
    command: ["redis-server", "--port", "6380", "--dir", "/data"]
    volumes: ["data:/data", {type: tmpfs, target: /scratch, tmpfs: {size: 1m}}]
    networks: {back: {aliases: [database], ipv4_address: 172.30.7.10}}
    healthcheck: {test: ["CMD", "redis-cli", "-p", "6380", "ping"], interval: 1s, timeout: 3s, retries: 5, start_period: 2s}
    restart: unless-stopped
    stop_grace_period: 5s
    logging: {driver: json-file, options: {max-size: 1m}}
  web:
    image: wf/busybox:1
    command: ["httpd", "-f", "-p", "80"]
    init: true
    env_file: web.env
    environment: {EMPTY: "", SPECIAL: "a=b<&>'\\"$$x"}
    ports: ["18080:80", "127.0.0.1:18081:81/udp"]
    expose: ["9000"]
    networks: [back, front]
    depends_on: {db: {condition: service_healthy, restart: true}}
    deploy: {resources: {limits: {cpus: "0.5", memory: 64m, pids: 100}}, restart_policy: {condition: on-failure, max_attempts: 3}}
    labels: {team: shop}
    ulimits: {nofile: 1024, nproc: {soft: 100, hard: 200}}
    extra_hosts: ["example.test:10.0.0.1", "six.test:::1"]
    secrets: [token]
    configs: [{source: page, target: /srv/index.html}]
    volumes: ["./site:/site:ro"]
    dns: [10.9.9.9]
    user: "0:0"
    working_dir: /srv
    hostname: webhost
  side:
    image: wf/busybox:1
    command: sleep 3600
    init: true
    network_mode: "service:db"
    pid: "service:db"
    stop_grace_period: 1s
    cap_drop: [ALL]
    cap_add: [NET_BIND_SERVICE]
    read_only: true
    tmpfs: ["/run:size=1m", /tmp]
    security_opt: ["no-new-privileges:true"]
  pair:
    image: wf/busybox:1
    command: ["sleep", "3600"]
    init: true
    networks: [back]
    ports: ["80"]
    scale: 2
    sysctls: {net.core.somaxconn: 1024}
    stop_grace_period: 1s
  named:
    image: wf/busybox:1
    container_name: the-one
    entrypoint: ["/bin/sh", "-c"]
    command: ["sleep 3600"]
    networks: [outside]
    volumes: ["common:/common"]
    healthcheck: {test: "true", interval: 30s}
    stop_grace_period: 1s
networks:
  back: {ipam: {config: [{subnet: 172.30.7.0/24}]}}
  front: {internal: true, labels: {area: public}, driver_opts: {com.docker.network.bridge.name: wf-front}}
  outside: {external: true, name: elsewhere}
volumes:
  data: {labels: {keep: "yes"}}
  common: {external: true}
secrets: {token: {file: ./token.txt}}
configs: {page: {file: ./page.html}}
`;

let machine: TestEngine;
let engine: DockerEngine;
let harness: Harness;
let folder: string;

beforeAll(async () => {
  machine = await startTestEngine();
  await buildImages(machine.docker, ["busybox", "redis"]);
  folder = await mkdtemp(join(tmpdir(), "windflow-adopt-"));
  await mkdir(join(folder, "site"));
  await writeFile(join(folder, "compose.yaml"), SHOP);
  await writeFile(join(folder, "web.env"), "FROM_FILE=yes\nOTHER=two words\n");
  await writeFile(join(folder, "token.txt"), "secret");
  await writeFile(join(folder, "page.html"), "hello");
  await machine.docker.createNetwork({ Name: "elsewhere" });
  await machine.docker.createVolume({ Name: "common" });
  engine = createDockerEngine({ socketPath: machine.socketPath });
  await compose("up", "-d", "--wait");
});
afterAll(async () => {
  await harness?.stop();
  await machine?.stop();
  await rm(folder, { recursive: true, force: true });
});

async function compose(...args: string[]): Promise<string> {
  const environment = { ...machine.programs.environment(process.env), DOCKER_HOST: `unix://${machine.socketPath}` };
  const program = join(machine.programs.pluginFolder, "docker-compose");
  const { stdout, stderr } = await run(program, args, { cwd: folder, env: environment });
  return stdout + stderr;
}

async function original(): Promise<ComposeModel> {
  return JSON.parse((await compose("config", "--format", "json")).replaceAll("$$", "$")) as ComposeModel;
}

interface Standing {
  readonly [name: string]: { readonly id: string; readonly startedAt: string };
}
// A new container proves itself for five seconds; the rest is for a loaded machine.
const SETTLE_TIMEOUT_MS = 30_000;

async function standing(): Promise<Standing> {
  const listed = await machine.docker.listContainers({ all: true });
  const inspected = await Promise.all(listed.map(({ Id }) => machine.docker.getContainer(Id).inspect()));
  return Object.fromEntries(
    inspected.map(({ Id, Name, State }) => [Name.slice(1), { id: Id, startedAt: State.StartedAt }]),
  );
}

function adopted(model: ComposeModel, ids: readonly string[], revision = 1): DesiredStack {
  const { name: _name, ...rest } = model;
  return { ...stackOf("shop", revision, rest), adopted: ids };
}

describe("a project of several services that docker compose started", () => {
  test("is read back so that it is what its containers were created with", async () => {
    const project = await engine.inspectProject("shop");
    const { model, containerIds, notes } = reconstructProject(project);
    expect(containerIds).toHaveLength(6);
    const byService = Map.groupBy(
      project.containers,
      (container) => container.Config.Labels?.[COMPOSE_LABEL.service] ?? "",
    );
    const idOf = (name: string): string | undefined => byService.get(name)?.[0]?.Id;
    const asked = await original();
    for (const words of [model, asked]) {
      for (const [serviceName, containers] of byService) {
        const service = words.services[serviceName];
        if (service === undefined) throw new Error(`no service ${serviceName}`);
        for (const container of containers) {
          const image = project.images.find(({ Id }) => Id === container.Image);
          const containerName = container.Name.slice(1);
          const place = { project: "shop", serviceName, containerName, model: words, containerId: idOf };
          expect([containerName, differsFromCreated(service, createdAs(container, image), place)]).toEqual([
            containerName,
            [],
          ]);
        }
      }
    }
    // Written plainly, the words come to the very hash that docker compose computed.
    for (const name of ["db", "side", "pair"]) {
      const label = byService.get(name)?.[0]?.Config.Labels?.[COMPOSE_LABEL.configHash];
      expect([
        name,
        serviceConfigHash(model.services[name] ?? { command: null, entrypoint: null }, { containerId: idOf }),
      ]).toEqual([name, label]);
    }
    expect(model.networks).toMatchObject({
      back: { name: "shop_back", ipam: { config: [{ subnet: "172.30.7.0/24" }] } },
      front: { internal: true, labels: { area: "public" } },
      elsewhere: { external: true },
    });
    expect(networkConfigHash(model.networks?.["back"] ?? {})).toBe(networkConfigHash(asked.networks?.["back"] ?? {}));
    expect(model.volumes).toEqual({
      data: { name: "shop_data", labels: { keep: "yes" } },
      common: { name: "common", external: true },
    });
    expect(model.services["named"]).toMatchObject({ container_name: "the-one", entrypoint: ["/bin/sh", "-c"] });
    expect(model.services["pair"]).toMatchObject({ scale: 2 });
    expect(model.services["web"]?.depends_on).toEqual({
      db: { condition: "service_healthy", required: true, restart: true },
    });
    expect(model.services["side"]).toMatchObject({ network_mode: "service:db", pid: "service:db" });
    expect(notes.map(({ keyPath }) => keyPath)).toEqual([""]);
  });

  test("stays as it is when it is adopted, in its own words and in the words that were read back", async () => {
    const { model, containerIds } = reconstructProject(await engine.inspectProject("shop"));
    const before = await standing();
    harness = adopting();
    harness.desire();
    for (const words of [await original(), model]) {
      const plan = await harness.reconciler.planFor(adopted(words, containerIds));
      expect([plan.text, plan.problems]).toEqual(["nothing to do", []]);
    }
    const report = await harness.deploy(adopted(model, containerIds));
    expect(report.settlements).toMatchObject([{ converged: true, problems: [] }]);
    expect(await standing()).toEqual(before);
    expect(await compose("ls")).toMatch(/shop\s+running\(6\)/);
    expect(await compose("-p", "shop", "ps")).toContain("the-one");
    expect(await compose("-p", "shop", "exec", "-T", "web", "cat", "/srv/index.html")).toContain("hello");
    expect(await compose("up", "-d")).not.toMatch(/Recreate|Created/);
    expect(await standing()).toEqual(before);
  });

  test("is left alone when its adoption arrives while the host is being looked at", async () => {
    const { model, containerIds } = reconstructProject(await engine.inspectProject("shop"));
    const before = await standing();
    await harness.stop();
    const told = createCreatedContainers(engine);
    let arrived: Promise<unknown> | undefined;
    harness = adopting({
      created: {
        attach: async (world, desired) => {
          const seen = await told.attach(world, desired);
          arrived ??= harness.deploy(adopted(model, containerIds));
          return seen;
        },
      },
    });
    await expect.poll(() => arrived).toBeDefined();
    await arrived;
    expect(harness.progress.map(({ text }) => text)).toEqual([]);
    expect(await standing()).toEqual(before);
  });

  test("is looked after: what is removed comes back, after a restart of the agent too, and only that", async () => {
    const project = await engine.inspectProject("shop");
    const { model, containerIds } = reconstructProject(project);
    const before = await standing();
    await harness.stop();
    harness = adopting();
    await machine.docker.getContainer(before["shop-pair-2"]?.id ?? "").remove({ force: true });
    await harness.deploy(adopted(model, containerIds));
    const { "shop-pair-2": _gone, ...others } = before;
    expect(await standing()).toMatchObject(others);
    expect((await standing())["shop-pair-2"]?.id).not.toBe(before["shop-pair-2"]?.id);
    expect(await compose("up", "-d")).not.toMatch(/Recreate|Created/);
  });

  test("a later revision makes anew what it changes, with its volumes, and nothing else", async () => {
    const { model, containerIds } = reconstructProject(await engine.inspectProject("shop"));
    const before = await standing();
    await compose("exec", "-T", "db", "sh", "-c", "echo kept > /data/mark");
    const same = { ...model, "x-comment": "nothing for a container" };
    await harness.deploy(adopted(same, containerIds, 2));
    expect(await standing()).toEqual(before);

    const db = model.services["db"];
    if (db === undefined) throw new Error("no service db");
    const changed = { ...model, services: { ...model.services, db: { ...db, labels: { tier: "back" } } } };
    await harness.deploy(adopted(changed, containerIds, 3));
    // What was replaced goes once the new one has proven itself.
    const names = Object.keys(before).toSorted();
    const after = await vi.waitFor(
      async () => {
        const now = await standing();
        expect(Object.keys(now).toSorted()).toEqual(names);
        return now;
      },
      { timeout: SETTLE_TIMEOUT_MS, interval: 200 },
    );
    // The two that live in its namespaces, and the one that asks to be restarted with it, go along.
    const { "shop-db-1": _db, "shop-side-1": _side, "shop-web-1": web, ...rest } = before;
    expect(after).toMatchObject(rest);
    expect(after["shop-db-1"]?.id).not.toBe(before["shop-db-1"]?.id);
    expect(after["shop-web-1"]?.id).toBe(web?.id);
    expect(await compose("exec", "-T", "db", "cat", "/data/mark")).toContain("kept");
  });

  test("goes with its stack, volumes and networks excepted", async () => {
    const { containerIds } = reconstructProject(await engine.inspectProject("shop"));
    await harness.stop();
    const departed = [{ stackId: "stk_shop", containerIds }];
    const nothing = { organizationId: "org_1", generation: "9.1", stacks: [], departed };
    harness = adopting({ desired: () => nothing });
    await harness.until("it is gone", (report) => report.world?.containers.length === 0);
    const { Volumes: volumes } = await machine.docker.listVolumes();
    expect(volumes.map(({ Name }) => Name)).toEqual(expect.arrayContaining(["shop_data", "common"]));
  });

  test("that is not there, or is ours, is not read back", async () => {
    const asked = { requestId: "r1", project: "nobody", own: false };
    expect(await projectReply(asked, { engine, desired: () => undefined })).toMatchObject({
      problem: "this host has no containers of a compose project named nobody",
    });
    const desired = () => ({
      organizationId: "org_1",
      generation: "1.1",
      stacks: [stackOf("shop", 1, { services: {} })],
    });
    expect(await projectReply({ requestId: "r2", project: "shop", own: false }, { engine, desired })).toMatchObject({
      problem: "the project shop is the stack shop already",
    });
    // What runs of it now is read back when that is asked for: here nothing does.
    expect(await projectReply({ requestId: "r3", project: "shop", own: true }, { engine, desired })).toMatchObject({
      problem: "this host has no containers of a compose project named shop",
    });
  });
});

function adopting(extra: Partial<ReconcilerOptions> = {}): Harness {
  return startHarness(machine.socketPath, { created: createCreatedContainers(engine), ...extra });
}
