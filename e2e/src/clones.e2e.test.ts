import { existsSync } from "node:fs";
import { cp, mkdir, writeFile } from "node:fs/promises";
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { createFleet, repositoryRoot, type Fleet } from "@windflow/e2e/testbed";
import { openApi, type ControlPlane, type Program, runAgentCommand } from "@windflow/installer";
import type { ApiClient, Host } from "@windflow/proto/client";
import { afterAll, beforeAll, expect, test } from "vitest";
import { eventually } from "./eventually.ts";
import { bootControlPlane, installHost, type InstalledHost } from "./installation/installation.ts";
import { containersOf, deploy, idleStack } from "./installation/stacks.ts";

// Agents, engines and a control plane are started anew, on a machine that may do much else.
const PATIENCE_MS = 90_000;
const TEST_TIMEOUT_MS = 300_000;

let fleet: Fleet;
let controlPlane: ControlPlane;
let api: ApiClient;
let organization: string;
let original: InstalledHost;
let copy: { agent: Program; start(): Promise<void>; readonly stateFolder: string };

/** A disk image that is put into a second machine: the state of the first one's agent, and another kernel that runs it. */
async function cloneOf({ host }: InstalledHost): Promise<typeof copy> {
  const [, second] = fleet.hosts;
  if (second === undefined) throw new Error("the fleet has no second host");
  const stateFolder = join(second.machine.folder, "agent");
  // The folder with the files of stacks lies elsewhere on the two: in a real clone it does not.
  const isCopied = (path: string): boolean => !path.endsWith(".sock") && !path.endsWith("/agent/stacks");
  await cp(join(host.machine.folder, "agent"), stateFolder, { recursive: true, filter: isCopied });
  // The machines of the testbed share a kernel; computers do not.
  const bootId = join(second.machine.folder, "boot_id");
  await writeFile(bootId, `${randomUUID()}\n`);
  await second.exec(["mount", "--bind", bootId, "/proc/sys/kernel/random/boot_id"]);
  // What the engine has on the disk is the same: its images too.
  const saved = await host.engine.docker.getImage("wf/busybox:1").get();
  await second.engine.docker.loadImage(saved).then((stream) => text(stream));
  const command = runAgentCommand({ root: repositoryRoot, stateFolder, socketPath: second.engine.socketPath });
  const run = (): Promise<Program> =>
    second.machine.run(command, { env: {}, logFile: join(second.machine.folder, "agent.log") });
  const made = { stateFolder, agent: await run(), start: async () => void (made.agent = await run()) };
  return made;
}

beforeAll(async () => {
  fleet = await createFleet({ hosts: 2 });
  controlPlane = await bootControlPlane(fleet);
  const { url, roots, credential } = controlPlane;
  organization = credential.organizationId;
  api = openApi({ url, roots, token: credential.token, organization });
  const [first] = fleet.hosts;
  if (first === undefined) throw new Error("the fleet has no host");
  original = await installHost(first, controlPlane);
  await mkdir(join(repositoryRoot, "e2e/artifacts"), { recursive: true });
}, TEST_TIMEOUT_MS);
afterAll(async () => {
  for (const { name, machine } of fleet?.hosts ?? [])
    await cp(join(machine.folder, "agent.log"), join(repositoryRoot, `e2e/artifacts/clones-${name}.log`)).catch(
      () => undefined,
    );
  await fleet?.remove();
});

const listed = async (): Promise<Host[]> => (await api.hosts.listHosts({ organization })).hosts ?? [];
const idsOn = async (index: number): Promise<string[]> => {
  const { engine } = fleet.hosts[index]!;
  const found = await engine.docker.listContainers({
    filters: { label: ["com.docker.compose.project=shop"], status: ["running"] },
  });
  return found.map((container) => container.Id).toSorted();
};

test(
  "two machines from one disk image: found, told apart by one click, two green hosts in the end; no container is touched on the way",
  { timeout: TEST_TIMEOUT_MS },
  async () => {
    await deploy({ api, organization }, "shop", idleStack({ web: "1", worker: "1" }));
    expect(Object.keys(await containersOf(original, "shop"))).toHaveLength(2);
    // Without a network the copy runs what the disk says; then it calls.
    await fleet.hosts[1]!.cut();
    copy = await cloneOf(original);
    await eventually(
      "the copy runs the stack",
      PATIENCE_MS,
      () => idsOn(1),
      (ids) => ids.length === 2,
    );
    const before = [await idsOn(0), await idsOn(1)];
    await fleet.hosts[1]!.heal();

    const hostOf = async (): Promise<Host> => api.hosts.getHost({ organization, hostId: original.hostId });
    await eventually("quarantined", PATIENCE_MS, hostOf, (host) => host.presence === "PRESENCE_QUARANTINED");
    const machines = async () =>
      (await api.hosts.listHostMachines({ organization, hostId: original.hostId })).machines ?? [];
    const both = await eventually("both machines are shown", PATIENCE_MS, machines, (found) => found.length === 2);
    const own = both.find((machine) => machine.remoteAddress === fleet.hosts[0]!.address);
    expect(new Set(both.map((machine) => machine.remoteAddress))).toEqual(
      new Set(fleet.hosts.map(({ address }) => address)),
    );
    expect([await idsOn(0), await idsOn(1)]).toEqual(before);
    await api.hosts.resolveClones({ organization, hostId: original.hostId, bootId: own?.bootId ?? "" });

    // Agents ask again within seconds; new ones at once.
    await Promise.all([original.agent.kill(), copy.agent.kill()]);
    await Promise.all([original.startAgent(), copy.start()]);
    // The clone's agent is killed as soon as it has begun to make an identity, and again while the new one is young.
    await eventually(
      "the clone makes an identity",
      PATIENCE_MS,
      async () =>
        existsSync(join(copy.stateFolder, "next-identity")) || existsSync(join(copy.stateFolder, "former-identity")),
      Boolean,
    );
    await copy.agent.kill();
    await copy.start();
    await eventually("there are two hosts", PATIENCE_MS, listed, (hosts) => hosts.length === 2);
    await copy.agent.kill();
    await copy.start();

    const green = await eventually("two green hosts", PATIENCE_MS, listed, (hosts) =>
      hosts.every(
        (host) => host.presence === "PRESENCE_ONLINE" && host.health === "HEALTH_OK" && host.stacksTotal === 1,
      ),
    );
    expect(green).toHaveLength(2);
    expect(green.every((host) => host.labels?.["site"] === "test" && host.stacksDrifted === 0)).toBe(true);
    expect([await idsOn(0), await idsOn(1)]).toEqual(before);
    expect(new Set((await machines()).map((machine) => machine.decided))).toEqual(new Set(["enrolled", "host"]));
    await eventually(
      "the old identity is gone",
      PATIENCE_MS,
      async () => existsSync(join(copy.stateFolder, "former-identity")),
      (is) => !is,
    );
    // From now on each of them follows by itself.
    expect(await deploy({ api, organization }, "shop", idleStack({ web: "2", worker: "1" }))).toMatchObject({
      hostsSucceeded: 2,
    });
  },
);
