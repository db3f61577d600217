import { openApi, type ControlPlane } from "@windflow/installer";
import { createFleet, type Fleet } from "@windflow/e2e/testbed";
import type { ApiClient, Rollout, Stack } from "@windflow/proto/client";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually } from "./eventually.ts";
import { bootControlPlane, installHost, type InstalledHost } from "./installation/installation.ts";
import { containersOf, deploy, end, idleStack } from "./installation/stacks.ts";

const COMES_TIMEOUT_MS = 60_000;
// Offline 90 s after the last heartbeat, gone a moment later, and the rollout that follows.
const MOVES_TIMEOUT_MS = 150_000;
const GONE_AFTER_SECONDS = 3;

describe("a fleet that grows and shrinks", () => {
  let fleet: Fleet;
  let controlPlane: ControlPlane;
  let api: ApiClient;
  let organization: string;
  let first: InstalledHost;
  let second: InstalledHost;

  beforeAll(async () => {
    fleet = await createFleet({ hosts: [{}, {}] });
    controlPlane = await bootControlPlane(fleet);
    const { url, roots, credential } = controlPlane;
    organization = credential.organizationId;
    api = openApi({ url, roots, token: credential.token, organization });
    first = await installHost(hostOf(0), controlPlane);
  });
  afterAll(() => fleet?.remove());

  const hostOf = (index: number): Fleet["hosts"][number] => {
    const host = fleet.hosts[index];
    if (host === undefined) throw new Error(`the fleet has no host ${index}`);
    return host;
  };
  const runs = (host: InstalledHost, stack: string): Promise<string[]> =>
    containersOf(host, stack).then((found) => Object.keys(found));
  const until = (what: string, timeoutMs: number, look: () => Promise<string[]>, wanted: string): Promise<string[]> =>
    eventually(what, timeoutMs, look, (seen) => seen.join() === wanted);
  async function rolloutsOf(name: string): Promise<Rollout[]> {
    const { stacks = [] } = await api.stacks.listStacks({ organization, filter: name });
    const { rollouts = [] } = await api.rollouts.listRollouts({ organization, stackId: stacks[0]?.id ?? "" });
    return rollouts;
  }

  it("runs a stack on all hosts of a label, and another on one of them", async () => {
    await deploy({ api, organization }, "shop", idleStack({ web: "1" }));
    const placement = {
      matchLabels: { site: "test" },
      strategy: "PLACEMENT_STRATEGY_SPREAD",
      replicas: 1,
      hostGoneAfterSeconds: GONE_AFTER_SECONDS,
    } as const;
    const { id: stackId = "" }: Stack = await api.stacks.createStack({ organization, name: "solo", placement });
    const source = { files: { "compose.yaml": idleStack({ worker: "1" }) } };
    await api.stacks.createRevision({ organization, stackId, source });
    const { id = "" } = await api.rollouts.createRollout({ organization, stackId });
    expect((await end({ api, organization }, id)).state).toBe("STATE_SUCCEEDED");
    expect([await runs(first, "shop"), await runs(first, "solo")]).toEqual([["web"], ["worker"]]);
  });

  it("brings a new host what belongs on all of them, by itself, and takes nothing from where it is", async () => {
    second = await installHost(hostOf(1), controlPlane);
    await until("the new host runs the shop", COMES_TIMEOUT_MS, () => runs(second, "shop"), "web");
    const [made] = await rolloutsOf("shop");
    expect(made).toMatchObject({ origin: "placement", hostsTotal: 1 });
    expect((await end({ api, organization }, made?.id ?? "")).state).toBe("STATE_SUCCEEDED");
    expect([await runs(second, "solo"), await runs(first, "solo")]).toEqual([[], ["worker"]]);
    expect(await rolloutsOf("solo")).toHaveLength(1);
  });

  it("places the copy of a host that is gone elsewhere, and leaves it there when the host is back", async () => {
    await first.host.cut();
    await until("the other host runs the worker", MOVES_TIMEOUT_MS, () => runs(second, "solo"), "worker");
    // Nobody reached the first host: there it runs on.
    expect(await runs(first, "solo")).toEqual(["worker"]);
    await first.host.heal();
    await until("the host that is back gives its copy up", COMES_TIMEOUT_MS, () => runs(first, "solo"), "");
    expect([await runs(first, "shop"), await runs(second, "solo")]).toEqual([["web"], ["worker"]]);
    const [moved] = await rolloutsOf("solo");
    expect(moved?.origin).toBe("placement");
    expect((await end({ api, organization }, moved?.id ?? "")).state).toBe("STATE_SUCCEEDED");
    expect(await rolloutsOf("solo")).toHaveLength(2);
  });

  it("takes a stack off a host whose label is gone", async () => {
    const { etag = "" } = await api.hosts.getHost({ organization, hostId: second.hostId });
    await api.hosts.updateHost({ organization, hostId: second.hostId, labels: { name: "host2" }, etag });
    await until("the shop is off the host", COMES_TIMEOUT_MS, () => runs(second, "shop"), "");
    // And the one copy of the other goes back to the only host that it may be on.
    await until("the worker is on the first host", COMES_TIMEOUT_MS, () => runs(first, "solo"), "worker");
  });
});
