import { join } from "node:path";
import type { ComposeService, DesiredStack } from "@windflow/core";
import { buildImages, startTestEngine, type TestEngine } from "@windflow/e2e/testbed";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import type { ObservationReport, ProgressEvent } from "./options.ts";
import { startHarness, type Harness } from "./testing/harness.ts";
import { webStack } from "./testing/services.ts";

const PORTS = [{ target: 80, published: "18111" }];
// busybox and some containers need a few; the rest is filled by the test.
const DATA_MIB = 64;
// A container that is kept until the one that took its place has proven itself.
const KEPT = /_[0-9a-f]{12}$/;

let machine: TestEngine;
let harness: Harness;
let onProgress: ((event: ProgressEvent) => void) | undefined;

beforeAll(async () => {
  machine = await startTestEngine({ dataMiB: DATA_MIB });
  await buildImages(machine.docker, ["busybox"]);
});
afterAll(async () => machine.stop());
beforeEach(() => {
  onProgress = undefined;
  harness = startHarness(machine.socketPath, { onProgress: (event) => onProgress?.(event) });
});
afterEach(async () => {
  onProgress = undefined;
  await harness.clear();
});

function stack(revision: number, web: Partial<ComposeService> = {}): DesiredStack {
  return webStack("shop", revision, { environment: { REVISION: String(revision) }, ports: PORTS, ...web });
}

/** The revision that runs, alone and under its own name; undefined while there is something between. */
function runningRevision(report: ObservationReport): string | undefined {
  const own = (report.world?.containers ?? []).filter(({ name }) => !KEPT.test(name));
  const [container] = own;
  return own.length === 1 && container?.state === "running" && container.name === "shop-web-1"
    ? container.labels["dev.windflow.revision"]
    : undefined;
}

test.each(["create-container", "stop-container", "start-container", "rename-container"])(
  "the engine is killed in the middle of %s: the old container or the new one runs in the end, and it is told which",
  async (op) => {
    await harness.deploy(stack(1));
    let crash: Promise<void> | undefined;
    onProgress = (event) => {
      if (event.op === op && event.phase === "started") crash ??= machine.crash();
    };
    harness.desire(stack(2));
    await harness.until("the engine is away", (report) => report.engineError !== undefined);
    await crash;
    await machine.restart();
    const report = await harness.until(
      "it is back",
      (told) =>
        told.engineError === undefined &&
        told.settlements[0]?.failing.length === 0 &&
        runningRevision(told) !== undefined &&
        (told.appliedGeneration !== undefined || told.settlements[0]?.failedAttempt !== undefined),
    );
    const [settlement] = report.settlements;
    if (runningRevision(report) === "2") expect(settlement).toMatchObject({ converged: true, problems: [] });
    else
      expect(settlement?.problems[0]?.message).toMatch(
        /^revision 2 failed: .*; the previous container \(revision 1\) runs again$/,
      );
  },
);

test("a full disk leaves the old container running, says so, and the change is made once there is room", async () => {
  await harness.deploy(stack(1));
  const before = harness.reconciler.observed()?.containers[0]?.id;
  const filling = join(machine.machine.folder, "data", "filling");
  await machine.machine.exec(["sh", "-c", `dd if=/dev/zero of=${filling} bs=4k 2>/dev/null; true`]);
  try {
    harness.desire(stack(2));
    const report = await harness.until("it failed", (told) => (told.settlements[0]?.failing.length ?? 0) > 0);
    expect(report.settlements[0]?.failing[0]).toMatchObject({
      reason: expect.stringContaining("no space left on device"),
    });
    expect(report.world?.containers.map(({ id, state }) => [id, state])).toEqual([[before, "running"]]);
  } finally {
    await machine.machine.exec(["rm", "-f", filling]);
  }
  const after = await harness.until("it is made", (told) => told.appliedGeneration !== undefined);
  expect(runningRevision(after)).toBe("2");
});

test("a volume whose settings changed is made anew, without its data, only when it was named", async () => {
  const volumes = [{ type: "volume" as const, source: "data", target: "/data" }];
  const keeping = (revision: number, settings: string): DesiredStack => {
    const base = stack(revision, { volumes });
    return { ...base, model: { ...base.model, volumes: { data: { name: "shop_data", labels: { settings } } } } };
  };
  const settings = async (): Promise<string | undefined> =>
    (await machine.docker.getVolume("shop_data").inspect()).Labels["settings"];
  await harness.deploy(keeping(1, "old"));
  const kept = await harness.deploy(keeping(2, "new"));
  expect(kept.settlements[0]?.problems).toMatchObject([
    {
      severity: "warning",
      message: "volume shop_data was created with other settings: it is kept as it is, with its data",
    },
  ]);
  expect(await settings()).toBe("old");
  await harness.deploy({ ...keeping(3, "new"), recreateVolumes: ["data"] });
  expect(await settings()).toBe("new");
});
