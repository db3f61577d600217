import { ObservedContainer } from "@windflow/proto/agent";
import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { batchOf, startTestMetrics, type TestMetrics } from "../metrics/testing.ts";
import { gateMetrics } from "./gate-metrics.ts";

const START = new Date("2026-11-20T12:00:00Z").getTime();
const MINUTE_MS = 60_000;
let metrics: TestMetrics;
let hostId = "";
let quietId = "";

beforeAll(async () => {
  metrics = await startTestMetrics(START);
  hostId = await metrics.fleet.addHost("gated");
  quietId = await metrics.fleet.addHost("quiet");
  for (const [containerId, state] of [
    ["new", "running"],
    ["kept", "exited"],
  ] as const) {
    await metrics.platform.database.inOrganization(metrics.fleet.caller, async (tx) => {
      const report = Buffer.from(
        ObservedContainer.encode({ ...ObservedContainer.create(), id: containerId, state }).finish(),
      );
      const { organizationId } = metrics.fleet.caller;
      await sql`INSERT INTO observed_containers (host_id, container_id, organization_id, name, image, stack_id, report_sha256, report)
        VALUES (${hostId}, ${containerId}, ${organizationId}, ${`shop-web-${containerId}`}, 'i', 'stk_shop', '', ${report})`.execute(
        tx.queries,
      );
      await sql`INSERT INTO metric_containers (organization_id, host_id, container_id, stack_id, service, name, seen_at)
        VALUES (${organizationId}, ${hostId}, ${containerId}, 'stk_shop', 'web', 'n', now())`.execute(tx.queries);
    });
  }
});
afterAll(() => metrics?.stop());

const ask = async (
  service: string,
  comparison: "below" | "above",
  value: number,
  sinceMs: number,
  healthySinceMs = 0,
): Promise<Record<string, readonly string[]>> => {
  const hosts = [hostId, quietId].map((one) => ({ hostId: one, sinceMs, healthySinceMs }));
  const conditions = [{ column: "cpu_percent", service, comparison, value }];
  const query = { stackId: "stk_shop", hosts, conditions, now: metrics.clock.now() };
  const unmet = await metrics.platform.database.inOrganization(metrics.fleet.caller, (tx) =>
    gateMetrics.unmet(tx, query),
  );
  return Object.fromEntries([...unmet].map(([host, sentences]) => [host === hostId ? "gated" : "quiet", sentences]));
};

test("a condition holds when every sample of the time is within the bound, before and after it is rolled up", async () => {
  await metrics.ingest(hostId, batchOf(START - 8 * MINUTE_MS, [0.95, 0.2]), batchOf(START - MINUTE_MS, [0.5, 0.4]));
  const quiet = ["no figure cpu_percent of the host since 2026-11-20T11:58:00.000Z yet"];
  for (const round of [1, 2]) {
    expect(await ask("", "below", 80, START - 2 * MINUTE_MS)).toEqual({ quiet });
    expect(await ask("", "below", 50, START - 2 * MINUTE_MS)).toEqual({
      gated: ["cpu_percent of the host was 50, it must stay below 50"],
      quiet,
    });
    expect((await ask("", "below", 80, START - 10 * MINUTE_MS))["gated"]).toEqual([
      "cpu_percent of the host was 95, it must stay below 80",
    ]);
    expect((await ask("", "above", 30, START - 2 * MINUTE_MS))["gated"]).toBeUndefined();
    if (round === 1) await metrics.rollUp();
  }
});

test("a figure from before everything was healthy is none of what runs now, however short the quiet time", async () => {
  const now = metrics.clock.now().getTime();
  await metrics.ingest(hostId, batchOf(now - 30_000, [0.1]));
  const healthySince = now - 10_000;
  expect(await ask("", "below", 80, now - 2000)).not.toHaveProperty("gated");
  expect((await ask("", "below", 80, now - 2000, healthySince))["gated"]).toEqual([
    `no figure cpu_percent of the host since ${new Date(healthySince).toISOString()} yet`,
  ]);
  await metrics.ingest(hostId, batchOf(now - 5000, [0.1]));
  expect(await ask("", "below", 80, now - 2000, healthySince)).not.toHaveProperty("gated");
});

test("of a service each container that runs is asked; one that ended says nothing, and none is no yes", async () => {
  const ofContainer = { containerId: "new", columns: [{ name: "cpu_used_cores", values: [0.5] }] };
  const before = await ask("web", "below", 80, START - MINUTE_MS);
  expect(before["gated"]).toEqual(["no figure cpu_percent of shop-web-new since 2026-11-20T11:59:00.000Z yet"]);
  expect(before["quiet"]).toEqual(["no container of web runs"]);
  await metrics.ingest(hostId, batchOf(START - 20_000, [0], ofContainer));
  expect((await ask("web", "below", 80, START - MINUTE_MS))["gated"]).toBeUndefined();
  expect((await ask("web", "above", 80, START - 1000))["gated"]).toEqual([
    "cpu_percent of shop-web-new was 50, it must stay above 80",
  ]);
});
