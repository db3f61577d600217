import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually } from "./eventually.ts";
import { type Installation, type InstalledHost, createInstallation } from "./installation/installation.ts";
import { containersOf, deploy, idleStack } from "./installation/stacks.ts";

// Presence is a lease: stale after 45 s without a heartbeat, offline after 90 s, plus one look of the control plane.
const OFFLINE_TIMEOUT_MS = 110_000;
const ONLINE_TIMEOUT_MS = 20_000;
// The net under the events looks every half minute; that an event takes less than three seconds, the benches measure.
const NET_SECONDS = 30;
const HEAL_TIMEOUT_MS = 60_000;

describe("three hosts that only dial out", () => {
  let installation: Installation;
  let hosts: readonly [InstalledHost, InstalledHost, InstalledHost];

  beforeAll(async () => {
    // The oldest engine served, the newest, and the image store that is to become the default.
    installation = await createInstallation([{}, { release: "20.10" }, { containerdSnapshotter: true }]);
    hosts = installation.hosts as unknown as typeof hosts;
  });
  afterAll(() => installation?.remove());

  const listed = async () => {
    const { organization, api } = installation;
    return (await api.hosts.listHosts({ organization })).hosts ?? [];
  };
  const presences = async (): Promise<string[]> => {
    return (await listed())
      .map(({ labels, presence }) => `${labels?.["name"] ?? "?"} ${presence ?? "?"}`)
      .toSorted((a, b) => (a < b ? -1 : 1));
  };
  const untilPresences = (wanted: string[], timeoutMs: number): Promise<string[]> =>
    eventually(wanted.join(", "), timeoutMs, presences, (seen) => seen.join() === wanted.join());
  const online = hostNames("PRESENCE_ONLINE");

  it("enrol and come online", async () => {
    expect(await untilPresences(online, ONLINE_TIMEOUT_MS)).toEqual(online);
  });

  it("run a stack that was deployed to their label", async () => {
    const rollout = await deploy(installation, "shop", idleStack({ web: "1", worker: "1" }));
    expect(rollout).toMatchObject({ hostsTotal: 3, hostsSucceeded: 3 });
    for (const host of hosts)
      expect(Object.keys(await containersOf(host, "shop")).toSorted()).toEqual(["web", "worker"]);
  });

  it("keep the containers of services that an update does not change", async () => {
    const before = await containersOf(hosts[0], "shop");
    await deploy(installation, "shop", idleStack({ web: "2", worker: "1" }));
    for (const host of hosts) expect(Object.keys(await containersOf(host, "shop"))).toHaveLength(2);
    const after = await containersOf(hosts[0], "shop");
    expect(after["worker"]).toBe(before["worker"]);
    expect(after["web"]).not.toBe(before["web"]);
  });

  it("put a container back, as soon as its event tells it, that was removed by hand", async () => {
    expect(await secondsToHeal(hosts[0], "shop", "web")).toBeLessThan(NET_SECONDS);
  });

  it("put it back as fast with the control plane killed, and report it when that is back", async () => {
    await installation.killControlPlane();
    expect(await secondsToHeal(hosts[1], "shop", "worker")).toBeLessThan(NET_SECONDS);
    const startedAt = Date.now();
    await installation.startControlPlane();
    // Their presences outlive the control plane: that all are back is told by when they were seen.
    await eventually(
      "all three have a session again",
      OFFLINE_TIMEOUT_MS,
      async () => (await listed()).map(({ lastSeenAt = "" }) => Date.parse(lastSeenAt)),
      (times) => times.length === online.length && times.every((at) => at > startedAt),
    );
    await untilPresences(online, ONLINE_TIMEOUT_MS);
    const id = (await containersOf(hosts[1], "shop"))["worker"];
    const { organization, api } = installation;
    const reported = async (): Promise<string[]> => {
      const { containers = [] } = await api.containers.listContainers({ organization, hostId: hosts[1].hostId });
      return containers.map((container) => container.id ?? "");
    };
    await eventually(
      "the new container is reported",
      ONLINE_TIMEOUT_MS,
      reported,
      (ids) => id !== undefined && ids.includes(id),
    );
  });

  it("go stale and offline, with the cause, when the link is cut or the agent killed; containers run on", async () => {
    const before = [await containersOf(hosts[1], "shop"), await containersOf(hosts[2], "shop")];
    await Promise.all([hosts[2].host.cut(), hosts[1].agent.kill()]);
    const gone = ["host1 PRESENCE_ONLINE", "host2 PRESENCE_OFFLINE", "host3 PRESENCE_OFFLINE"];
    const states = new Set<string>();
    await eventually(
      gone.join(", "),
      OFFLINE_TIMEOUT_MS,
      async () => {
        const seen = await presences();
        for (const one of seen) states.add(one);
        return seen;
      },
      (seen) => seen.join() === gone.join(),
    );
    expect([...states]).toEqual(expect.arrayContaining(["host2 PRESENCE_STALE", "host3 PRESENCE_STALE"]));
    const { organization, api } = installation;
    const cut = await api.hosts.getHost({ organization, hostId: hosts[2].hostId });
    expect(cut.presenceCause).toMatch(/heartbeat|heard|seen|contact/i);
    expect([await containersOf(hosts[1], "shop"), await containersOf(hosts[2], "shop")]).toEqual(before);
  });

  it("take what was decided meanwhile when they are back", async () => {
    const { organization, api } = installation;
    const { stacks = [] } = await api.stacks.listStacks({ organization, filter: "shop" });
    const stackId = stacks[0]?.id ?? "";
    const compose = idleStack({ web: "3", worker: "1" });
    const { number } = await api.stacks.createRevision({
      organization,
      stackId,
      source: { files: { "compose.yaml": compose } },
    });
    const { id: rolloutId = "" } = await api.rollouts.createRollout({ organization, stackId, revision: number });
    await eventually(
      "the rollout waits for the two hosts that are not reached",
      HEAL_TIMEOUT_MS,
      () => api.rollouts.getRollout({ organization, rolloutId }),
      (rollout) => rollout.state === "STATE_WAITING" && rollout.hostsNotReached === 2 && rollout.hostsSucceeded === 1,
    );
    await Promise.all([hosts[2].host.heal(), hosts[1].startAgent()]);
    await untilPresences(online, OFFLINE_TIMEOUT_MS);
    const ended = await eventually(
      "the rollout succeeds on all three",
      OFFLINE_TIMEOUT_MS,
      () => api.rollouts.getRollout({ organization, rolloutId }),
      (rollout) => rollout.state === "STATE_SUCCEEDED",
    );
    expect(ended.hostsSucceeded).toBe(3);
  });

  it("bring their stacks back after a power cut with the control plane away", async () => {
    await installation.killControlPlane();
    await hosts[0].host.powerCut();
    await hosts[0].host.powerOn();
    await hosts[0].startAgent();
    const running = await eventually(
      "both services run again",
      HEAL_TIMEOUT_MS,
      () => containersOf(hosts[0], "shop"),
      (seen) => Object.keys(seen).length === 2,
    );
    expect(Object.keys(running).toSorted()).toEqual(["web", "worker"]);
    await installation.startControlPlane();
    await untilPresences(online, OFFLINE_TIMEOUT_MS);
  });
});

function hostNames(presence: string): string[] {
  return ["host1", "host2", "host3"].map((name) => `${name} ${presence}`);
}

async function secondsToHeal(host: InstalledHost, project: string, service: string): Promise<number> {
  const id = (await containersOf(host, project))[service];
  if (id === undefined) throw new Error(`${service} does not run`);
  const { docker } = host.host.engine;
  await docker.getContainer(id).remove({ force: true });
  const started = performance.now();
  const running = (): Promise<Record<string, string>> => containersOf(host, project);
  await eventually(`${service} runs again`, HEAL_TIMEOUT_MS, running, (now) => now[service] !== undefined);
  return (performance.now() - started) / 1000;
}
