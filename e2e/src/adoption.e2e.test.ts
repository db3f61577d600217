import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { AdoptProjectResponse } from "@windflow/proto/client";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually } from "./eventually.ts";
import { type Installation, type InstalledHost, createInstallation } from "./installation/installation.ts";
import { end } from "./installation/stacks.ts";

const run = promisify(execFile);
const TOLD_TIMEOUT_MS = 20_000;
const HEAL_TIMEOUT_MS = 30_000;

const IDLE = `["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 3600 & wait $$!; done"]`;
const SHOP = `
services:
  db:
    image: wf/busybox:1
    command: ${IDLE}
    volumes: ["data:/data"]
    networks: {back: {ipv4_address: 172.30.9.5, aliases: [database]}}
    healthcheck: {test: ["CMD", "true"], interval: 1s, timeout: 3s, retries: 3}
    restart: unless-stopped
    secrets: [token]
  web:
    image: wf/busybox:1
    command: ["httpd", "-f", "-p", "80"]
    init: true
    env_file: web.env
    environment: {MODE: "\${MODE}"}
    ports: ["18080:80"]
    networks: [back]
    depends_on: {db: {condition: service_healthy}}
    labels: {team: shop}
  worker:
    image: wf/busybox:1
    command: ${IDLE}
    networks: [back]
    deploy: {replicas: 2, resources: {limits: {memory: 32m}}}
networks: {back: {ipam: {config: [{subnet: 172.30.9.0/24}]}}}
volumes: {data: {}}
secrets: {token: {environment: TOKEN}}
`;
const FRONT = `
services:
  page:
    image: wf/busybox:1
    command: ["httpd", "-f", "-p", "80"]
    init: true
    ports: ["18090:80"]
    volumes: ["pages:/srv"]
    healthcheck: {test: ["CMD", "true"], interval: 1s}
  timer:
    image: wf/busybox:1
    command: ${IDLE}
    environment: {PRICE: "5$$"}
    depends_on: [page]
    stop_grace_period: 2s
volumes: {pages: {}}
`;
const ROOTED = `services: {peek: {image: "wf/busybox:1", command: ${IDLE}, volumes: ["/etc:/host-etc:ro"]}}`;
const VARIABLES = { MODE: "quiet", TOKEN: "s3cret-value" };

describe("compose projects that ran on a host before it had an agent", () => {
  let installation: Installation;
  let host: InstalledHost;
  let folder: string;
  let shopId = "";

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "windflow-adoption-"));
    installation = await createInstallation([{}]);
    const [only] = installation.hosts;
    if (only === undefined) throw new Error("the installation has no host");
    host = only;
    for (const [name, text] of Object.entries({ shop: SHOP, front: FRONT, rooted: ROOTED })) {
      await mkdir(join(folder, name));
      await writeFile(join(folder, name, "compose.yaml"), text);
    }
    await writeFile(join(folder, "shop", "web.env"), "FROM_FILE=yes\n");
    for (const name of ["shop", "front", "rooted"]) await compose(name, "up", "-d", "--wait");
  });
  afterAll(async () => {
    await installation?.remove();
    await rm(folder, { recursive: true, force: true });
  });

  async function compose(project: string, ...args: string[]): Promise<string> {
    const { programs, socketPath } = host.host.engine;
    const environment = programs.environment(process.env);
    const env = { ...environment, ...VARIABLES, DOCKER_HOST: `unix://${socketPath}` };
    const program = join(programs.pluginFolder, "docker-compose");
    const { stdout, stderr } = await run(program, args, { cwd: join(folder, project), env });
    return stdout + stderr;
  }
  /** Container name → id and start. */
  async function standing(project: string): Promise<Record<string, string>> {
    const { docker } = host.host.engine;
    const listed = await docker.listContainers({
      all: true,
      filters: { label: [`com.docker.compose.project=${project}`] },
    });
    const inspected = await Promise.all(listed.map(({ Id }) => docker.getContainer(Id).inspect()));
    return Object.fromEntries(inspected.map(({ Id, Name, State }) => [Name.slice(1), `${Id} ${State.StartedAt}`]));
  }
  const projects = async (): Promise<string[]> => {
    const { organization, api } = installation;
    const { projects: found = [] } = await api.adoption.listProjects({ organization });
    return found.map(({ project }) => project ?? "");
  };
  const adopt = async (project: string, more: object): Promise<AdoptProjectResponse> => {
    const { organization, api } = installation;
    return api.adoption.adoptProject({ organization, hostId: host.hostId, project, ...more });
  };
  const settled = async (rolloutId: string | undefined): Promise<void> => {
    const ended = await end(installation, rolloutId ?? "");
    expect(ended).toMatchObject({ state: "STATE_SUCCEEDED", hostsSucceeded: 1 });
  };
  const planOf = async (stackId: string, revision: number): Promise<string> => {
    const { organization, api } = installation;
    const { hosts = [] } = await api.stacks.planStack({ organization, stackId, revision });
    return hosts[0]?.text ?? "";
  };
  const shopSource = (text: string): object => ({
    files: { "compose.yaml": text, "web.env": "FROM_FILE=yes\n" },
    variables: [
      { name: "MODE", value: VARIABLES.MODE },
      { name: "TOKEN", value: VARIABLES.TOKEN, secret: true },
    ],
  });

  it("are listed, and refused where the owner of the host does not allow what they do; they run on", async () => {
    const all = ["front", "rooted", "shop"];
    expect(
      await eventually("they are listed", TOLD_TIMEOUT_MS, projects, (seen) => seen.join() === all.join()),
    ).toEqual(all);
    const before = await standing("rooted");
    await expect(adopt("rooted", {})).rejects.toThrow(/WF_ADOPTION_REFUSED|does not allow the stack/);
    expect(await standing("rooted")).toEqual(before);
    expect(await projects()).toEqual(all);
  });

  it("become stacks without a container being touched: with their files, and in the words read back", async () => {
    const before = { ...(await standing("shop")), ...(await standing("front")) };
    const shop = await adopt("shop", { source: shopSource(SHOP) });
    expect(shop.plan?.steps ?? []).toEqual([]);
    shopId = shop.stack?.id ?? "";
    const front = await adopt("front", { stackName: "entrance" });
    expect(front.stack).toMatchObject({ name: "entrance", project: "front" });
    await settled(shop.rolloutId);
    await settled(front.rolloutId);
    expect({ ...(await standing("shop")), ...(await standing("front")) }).toEqual(before);
    expect(await planOf(shopId, 1)).toBe("nothing to do");
    expect(await planOf(front.stack?.id ?? "", 1)).toBe("nothing to do");
    expect(await eventually("they are no strangers", TOLD_TIMEOUT_MS, projects, (seen) => seen.length === 1)).toEqual([
      "rooted",
    ]);
    const { organization, api } = installation;
    const { stacks = [] } = await api.stacks.listStacks({ organization });
    expect(stacks.map(({ name, status }) => `${name ?? ""} ${status?.state ?? ""}`)).toEqual([
      "entrance SERVICE_STATE_RUNNING",
      "shop SERVICE_STATE_RUNNING",
    ]);
  });

  it("are still docker compose's too", async () => {
    const before = await standing("shop");
    expect(await compose("shop", "ls")).toMatch(/shop\s+running\(4\)/);
    expect(await compose("shop", "ps")).toContain("18080");
    expect(await compose("shop", "logs", "--no-color", "web")).toBeDefined();
    expect(await compose("shop", "exec", "-T", "db", "cat", "/run/secrets/token")).toContain(VARIABLES.TOKEN);
    expect(await compose("shop", "up", "-d")).not.toMatch(/Recreate|Created/);
    expect(await standing("shop")).toEqual(before);
  });

  it("are brought back when somebody removes them, after agent and control plane were started again", async () => {
    await host.agent.kill();
    await installation.killControlPlane();
    const before = await standing("shop");
    const { docker } = host.host.engine;
    await docker.getContainer("shop-worker-2").remove({ force: true });
    await Promise.all([host.startAgent(), installation.startControlPlane()]);
    const back = await eventually(
      "the worker is back",
      HEAL_TIMEOUT_MS,
      () => standing("shop"),
      (seen) => seen["shop-worker-2"] !== undefined && Object.keys(seen).length === 4,
    );
    const { "shop-worker-2": worker, ...others } = before;
    expect(back).toMatchObject(others);
    expect(back["shop-worker-2"]).not.toBe(worker);
  });

  it("take a new revision: what it changes is made anew, volumes and the rest stay", async () => {
    await compose("shop", "exec", "-T", "db", "sh", "-c", "echo kept > /data/mark");
    const before = await standing("shop");
    const { organization, api } = installation;
    const text = SHOP.replace("team: shop", "team: front");
    const revision = await eventually(
      "the host is connected again",
      TOLD_TIMEOUT_MS,
      () => api.stacks.createRevision({ organization, stackId: shopId, source: shopSource(text) }),
      () => true,
    );
    const rollout = await api.rollouts.createRollout({ organization, stackId: shopId, revision: revision.number });
    await settled(rollout.id);
    const after = await standing("shop");
    const { "shop-web-1": web, ...others } = before;
    expect(after).toMatchObject(others);
    expect(after["shop-web-1"]).not.toBe(web);
    expect(await compose("shop", "exec", "-T", "db", "cat", "/data/mark")).toContain("kept");
  });

  it("are put back after docker compose took them down, and go for good with their stack; volumes stay", async () => {
    await host.agent.kill();
    await compose("shop", "-p", "shop", "down", "-t", "1");
    expect(await standing("shop")).toEqual({});
    await host.startAgent();
    await eventually(
      "all are back",
      HEAL_TIMEOUT_MS,
      () => standing("shop"),
      (seen) => Object.keys(seen).length === 4,
    );
    const { organization, api } = installation;
    const { stacks = [] } = await api.stacks.listStacks({ organization });
    for (const { id: stackId = "" } of stacks) await api.stacks.deleteStack({ organization, stackId });
    await eventually(
      "both are gone",
      HEAL_TIMEOUT_MS,
      async () => [await standing("shop"), await standing("front")],
      (seen) => seen.every((one) => Object.keys(one).length === 0),
    );
    const { Volumes: volumes } = await host.host.engine.docker.listVolumes();
    expect(volumes.map(({ Name }) => Name)).toEqual(expect.arrayContaining(["shop_data", "front_pages"]));
  });
});
