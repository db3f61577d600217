import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Installation, type InstalledHost, createInstallation } from "./installation/installation.ts";
import { begin, containersOf, deploy, end, idleStack } from "./installation/stacks.ts";

// Spread evenly over the length of a rollout that nobody disturbs; control-plane/src/crash.int.test.ts kills eight times more.
const KILLS = 12;
const SERVICES = ["one", "two"];
// The longest test of the suite: many restarts of the control plane, each with a rollout to its end.
const TEST_TIMEOUT_MS = 900_000;

describe("a control plane killed in the middle of rollouts", () => {
  let installation: Installation;
  let host: InstalledHost;
  let rolloutMs = 0;

  beforeAll(async () => {
    installation = await createInstallation(1);
    const [only] = installation.hosts;
    if (only === undefined) throw new Error("the installation has no host");
    host = only;
  });
  afterAll(() => installation?.remove());

  const composeOf = (revision: number): string =>
    idleStack(Object.fromEntries(SERVICES.map((name) => [name, String(revision)])));

  it("takes this long without a kill", async () => {
    await deploy(installation, "kills", composeOf(0));
    const started = performance.now();
    await deploy(installation, "kills", composeOf(1));
    rolloutMs = performance.now() - started;
    expect(rolloutMs).toBeGreaterThan(0);
  });

  it(
    `ends every rollout where it would have ended, over ${KILLS} kills, and loses nothing that was acknowledged`,
    async () => {
      const acknowledged: { rolloutId: string; revision: number }[] = [];
      for (let kill = 0; kill < KILLS; kill += 1) {
        const rollout = await begin(installation, "kills", composeOf(kill + 2));
        acknowledged.push({ rolloutId: rollout.id ?? "", revision: rollout.revision ?? 0 });
        await sleep((rolloutMs * kill) / KILLS);
        await installation.killControlPlane();
        await installation.startControlPlane();
        const ended = await end(installation, rollout.id ?? "");
        expect(ended, `kill ${kill + 1} of ${KILLS}`).toMatchObject({ state: "STATE_SUCCEEDED", hostsSucceeded: 1 });
        expect(await runningRevisions(), `kill ${kill + 1} of ${KILLS}`).toEqual(SERVICES.map(() => String(kill + 2)));
      }
      expect(await lostOf(acknowledged)).toEqual([]);
    },
    TEST_TIMEOUT_MS,
  );

  async function runningRevisions(): Promise<string[]> {
    const running = await containersOf(host, "kills");
    const ids = SERVICES.map((name) => running[name] ?? "");
    const inspected = await Promise.all(ids.map((id) => host.host.engine.docker.getContainer(id).inspect()));
    return inspected.map(({ Config }) => Config.Env.find((entry) => entry.startsWith("REV="))?.slice(4) ?? "");
  }

  // Every rollout and revision that was answered for is there, and each is counted once.
  async function lostOf(acknowledged: readonly { rolloutId: string; revision: number }[]): Promise<string[]> {
    const { organization, api } = installation;
    const { rollouts = [] } = await api.rollouts.listRollouts({ organization, page: { size: 500 } });
    const ids = rollouts.map(({ id }) => id);
    const { stacks = [] } = await api.stacks.listStacks({ organization, filter: "kills" });
    const stackId = stacks[0]?.id ?? "";
    const { revisions = [] } = await api.stacks.listRevisions({ organization, stackId, page: { size: 500 } });
    const numbers = revisions.map(({ number }) => number);
    return acknowledged.flatMap(({ rolloutId, revision }) => [
      ...(ids.filter((id) => id === rolloutId).length === 1 ? [] : [`rollout ${rolloutId}`]),
      ...(numbers.filter((number) => number === revision).length === 1 ? [] : [`revision ${revision}`]),
    ]);
  }
});
