import { buildImages, startTestEngine, type TestEngine } from "@windflow/e2e/testbed";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { createDockerEngine } from "../engines/docker/index.ts";
import { createTestClock } from "../testing/test-clock.ts";
import type { ReconcileEngine } from "./engine.ts";
import type { ObservationReport } from "./options.ts";
import { startHarness } from "./testing/harness.ts";
import { webStack } from "./testing/services.ts";

const MB = 1024 * 1024;
const NET_MS = 30_000;
const FULL_LOOK_MS = 300_000;
const PATIENCE = { timeout: 15_000, interval: 20 };

let machine: TestEngine;

beforeAll(async () => {
  machine = await startTestEngine();
  await buildImages(machine.docker, ["busybox"]);
});
afterAll(async () => machine.stop());

test("at rest nothing is planned or told anew; what no event told of is found by the lists, what they do not show by the next full look", async () => {
  const clock = createTestClock(Date.now());
  const told: ObservationReport[] = [];
  let isDeaf = false;
  const real = createDockerEngine({ socketPath: machine.socketPath });
  const engine: ReconcileEngine = {
    ...real,
    subscribe: (listener, since) => real.subscribe((event) => (isDeaf ? undefined : listener(event)), since),
  };
  const harness = startHarness(machine.socketPath, { clock, engine, onObserved: (report) => void told.push(report) });
  const look = async (afterMs: number): Promise<ObservationReport | undefined> => {
    const before = told.length;
    await clock.advance(afterMs);
    await vi.waitFor(() => expect(told.length).toBeGreaterThan(before), PATIENCE);
    return told.at(-1);
  };
  const isBack = (report: ObservationReport | undefined, oldId: string | undefined): boolean =>
    report?.appliedGeneration !== undefined && report.world?.containers[0]?.id !== oldId;
  /** Lets time pass in small steps until it is so. */
  const pass = async (what: () => boolean): Promise<void> =>
    vi.waitFor(async () => {
      await clock.advance(50);
      expect(what()).toBe(true);
    }, PATIENCE);
  const atRest = async (): Promise<void> =>
    vi.waitFor(async () => expect(await look(NET_MS)).toBe(told.at(-2)), PATIENCE);

  harness.desire(webStack("shop", 1, { restart: "unless-stopped" }));
  await pass(() => isBack(told.at(-1), undefined) && harness.idOf("shop-web-1") !== undefined);
  await atRest();
  const resting = told.at(-1);
  expect(await look(NET_MS)).toBe(resting);

  isDeaf = true;
  const first = harness.idOf("shop-web-1");
  await machine.docker.getContainer(first ?? "").remove({ force: true });
  expect(await look(NET_MS)).not.toBe(resting);
  await pass(() => isBack(told.at(-1), first));

  await atRest();
  const second = harness.idOf("shop-web-1");
  await machine.docker.getContainer(second ?? "").update({ Memory: 64 * MB, MemorySwap: 128 * MB });
  const before = told.at(-1);
  expect(await look(NET_MS)).toBe(before);
  await clock.advance(FULL_LOOK_MS);
  await pass(() => isBack(told.at(-1), second));
  await machine.docker.getContainer(harness.idOf("shop-web-1") ?? "").remove({ force: true });
  await harness.stop();
});
