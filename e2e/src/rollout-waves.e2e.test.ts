import { describeRollout } from "@windflow/installer";
import type { Rollout, RolloutStrategy } from "@windflow/proto/client";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually } from "./eventually.ts";
import { createInstallation, type Installation, type InstalledHost } from "./installation/installation.ts";
import { containersOf, idleStack } from "./installation/stacks.ts";

const ENDS_TIMEOUT_MS = 120_000;
// Long enough for a container to be made and asked, short enough to be waited for when the answer is never right.
const DEADLINE_SECONDS = 25;

describe("a rollout in waves", () => {
  let installation: Installation;
  let stackId: string;

  beforeAll(async () => {
    installation = await createInstallation(2);
    const { api, organization } = installation;
    const placement = { matchLabels: { site: "test" } };
    stackId = (await api.stacks.createStack({ organization, name: "waves", placement })).id ?? "";
  });
  afterAll(() => installation?.remove());

  const canaryFirst = (more: RolloutStrategy = {}): RolloutStrategy => ({
    waves: [{ name: "canary", hosts: 1 }],
    onFailure: "ON_FAILURE_ROLL_BACK",
    healthGate: {
      stableSeconds: 1,
      deadlineSeconds: DEADLINE_SECONDS,
      // Revision 2 says no when it is asked.
      probes: [{ service: "web", exec: { command: ["sh", "-c", 'test "$REV" != bad'] }, intervalSeconds: 1 }],
    },
    ...more,
  });

  async function roll(mark: string, strategy: RolloutStrategy): Promise<string> {
    const { api, organization } = installation;
    const source = { files: { "compose.yaml": idleStack({ web: mark }) } };
    await api.stacks.createRevision({ organization, stackId, source });
    return (await api.rollouts.createRollout({ organization, stackId, strategy, reason: mark })).id ?? "";
  }
  const until = (what: string, rolloutId: string, wanted: (rollout: Rollout) => boolean): Promise<Rollout> => {
    const { api, organization } = installation;
    const look = (): Promise<Rollout> => api.rollouts.getRollout({ organization, rolloutId });
    return eventually(what, ENDS_TIMEOUT_MS, look, wanted);
  };
  /** What runs on each host: the container's id and the mark of its revision. */
  const running = (): Promise<{ id: string; mark: string }[]> =>
    Promise.all(
      installation.hosts.map(async (host: InstalledHost) => {
        const { web: id = "" } = await containersOf(host, "waves");
        if (id === "") return { id, mark: "nothing" };
        const { Config } = await host.host.engine.docker.getContainer(id).inspect();
        return { id, mark: Config.Env.find((entry) => entry.startsWith("REV="))?.slice(4) ?? "" };
      }),
    );
  const marks = async (): Promise<string[]> => (await running()).map(({ mark }) => mark);

  it("brings the first revision by the same rules: the canary, then the other, each asked by its agent", async () => {
    const id = await roll("first", canaryFirst());
    const ended = await until("the rollout ends", id, ({ endedAt }) => endedAt !== undefined);
    expect(ended.state, describeRollout(ended)).toBe("STATE_SUCCEEDED");
    expect(ended.waves?.map(({ state }) => state)).toEqual(["STATE_PASSED", "STATE_PASSED"]);
    expect(ended.hosts?.map(({ probes }) => probes?.map(({ passed }) => passed))).toEqual([[true], [true]]);
    const [canary, other] = ended.hosts ?? [];
    expect(Date.parse(other?.startedAt ?? "")).toBeGreaterThanOrEqual(Date.parse(canary?.endedAt ?? ""));
    expect(await marks()).toEqual(["first", "first"]);
  });

  it("takes a canary that says no back to what it ran, and touches nothing else", async () => {
    const [, untouched] = await running();
    const id = await roll("bad", canaryFirst());
    const ended = await until("the rollout ends", id, ({ endedAt }) => endedAt !== undefined);
    expect(ended.state, describeRollout(ended)).toBe("STATE_ROLLED_BACK");
    expect(ended.cause).toContain("has not succeeded");
    expect(ended.hosts?.map(({ state }) => state)).toEqual(["STATE_ROLLED_BACK", "STATE_CANCELLED"]);
    expect(await marks()).toEqual(["first", "first"]);
    expect((await running())[1]).toEqual(untouched);
  });

  it("waits for a yes before the second wave, over a restart of the control plane", async () => {
    const strategy = canaryFirst({ waves: [{ hosts: 1 }, { percent: 100, needsApproval: true }] });
    const id = await roll("third", strategy);
    await until("it waits for approval", id, ({ waitingFor }) => waitingFor === "WAIT_APPROVAL");
    expect(await marks()).toEqual(["third", "first"]);
    await installation.killControlPlane();
    await installation.startControlPlane();
    await until("it waits still", id, ({ waitingFor }) => waitingFor === "WAIT_APPROVAL");
    const { api, organization } = installation;
    await api.rollouts.approveWave({ organization, rolloutId: id, wave: 2 });
    const ended = await until("the rollout ends", id, ({ endedAt }) => endedAt !== undefined);
    expect(ended.state, describeRollout(ended)).toBe("STATE_SUCCEEDED");
    expect(await marks()).toEqual(["third", "third"]);
  });
});
