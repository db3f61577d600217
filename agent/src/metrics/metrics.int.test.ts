import { join } from "node:path";
import { type TestEngine, buildImages, startTestEngine } from "@windflow/e2e/testbed";
import { CONTAINER_COLUMNS, columnMeaning } from "@windflow/core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createDockerEngine } from "../engines/docker/index.ts";
import { createContainerSampler } from "./container-sampler.ts";
import { createHostSampler } from "./host-sampler.ts";
import { createOwnUsageSampler } from "./own-usage.ts";

test("the host's figures are plausible, all named in the shared table, and known from the second look on", async () => {
  const sampler = createHostSampler();
  sampler.sample(Date.now());
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  const sample = sampler.sample(Date.now());
  expect([...sample.keys()].filter((name) => columnMeaning("host", name) === undefined)).toEqual([]);
  expect(sample.get("cpu_used_ratio")).toBeGreaterThanOrEqual(0);
  expect(sample.get("cpu_used_ratio")).toBeLessThanOrEqual(1);
  expect(sample.get("memory_used_bytes")).toBeGreaterThan(50e6);
  expect(sample.get("memory_used_bytes")).toBeLessThan(sample.get("memory_total_bytes") ?? 0);
  expect(sample.get("disk_used_bytes:/")).toBeLessThan(sample.get("disk_total_bytes:/") ?? 0);
  expect([...sample.keys()].some((name) => name.startsWith("disk_write_bytes_per_second:"))).toBe(true);
});

test("what the agent itself takes is told at once and then each five minutes, in columns of the shared table", () => {
  let wire = { in: 0, out: 0 };
  const sampler = createOwnUsageSampler({ wireBytes: () => wire, spoolBytes: () => 1_000_000 });
  const first = sampler.sample(0);
  expect([...first.keys()].filter((name) => columnMeaning("host", name) === undefined)).toEqual([]);
  expect(first.get("agent_memory_bytes")).toBeGreaterThan(10e6);
  expect(first.get("agent_memory_bytes")).toBeLessThanOrEqual(first.get("agent_resident_bytes") ?? 0);
  expect(first.get("agent_spool_bytes")).toBe(983_040);
  wire = { in: 3_000, out: 60_000 };
  for (let atMs = 5_000; atMs < 295_000; atMs += 5_000) expect(sampler.sample(atMs).size).toBe(0);
  const second = sampler.sample(300_000);
  expect(second.get("agent_cpu_ratio")).toBeGreaterThanOrEqual(0);
  expect(second.get("agent_receive_bytes_per_second")).toBe(10);
  expect(second.get("agent_transmit_bytes_per_second")).toBe(200);
});

describe("figures of containers", () => {
  let engine: TestEngine;
  let id: string;
  const BUSY =
    "head -c 60000000 /dev/zero > /file; cat /file > /dev/null; x=$(head -c 20000000 /dev/zero | tr '\\0' x); while :; do :; done";

  beforeAll(async () => {
    engine = await startTestEngine();
    await buildImages(engine.docker, ["busybox"]);
    const container = await engine.docker.createContainer({
      Image: "wf/busybox:1",
      Cmd: ["sh", "-c", BUSY],
      HostConfig: { Memory: 256 * 1024 * 1024, NanoCpus: 5e8 },
    });
    await container.start();
    id = container.id;
    await new Promise((resolve) => setTimeout(resolve, 2_500));
  });
  afterAll(async () => engine.stop());

  const dockerStats = async (): Promise<number> => {
    const stats = await engine.docker.getContainer(id).stats({ stream: false });
    const detail = stats.memory_stats.stats as unknown as Record<string, number>;
    return stats.memory_stats.usage - (detail["total_inactive_file"] ?? detail["inactive_file"] ?? 0);
  };
  const expectLikeDocker = (figures: Readonly<Record<string, number>>, memory: number): void => {
    expect(Object.keys(CONTAINER_COLUMNS)).toEqual(expect.arrayContaining(Object.keys(figures)));
    expect(figures["memory_used_bytes"]).toBeGreaterThan(18e6);
    expect(Math.abs((figures["memory_used_bytes"] ?? 0) - memory)).toBeLessThan(memory * 0.1);
    expect(figures["memory_limit_bytes"]).toBe(256 * 1024 * 1024);
    expect(figures["processes"]).toBeGreaterThanOrEqual(1);
  };

  test("read from control groups without asking the engine, they say what docker stats says", async () => {
    const script = join(import.meta.dirname, "testing/sample.ts");
    const output = await engine.machine.exec([
      process.execPath,
      "--conditions=@windflow/source",
      "--no-warnings",
      script,
      engine.socketPath,
    ]);
    const { asked, figures } = JSON.parse(output) as { asked: number; figures: Record<string, Record<string, number>> };
    expect(asked).toBe(0);
    expectLikeDocker(figures[id] ?? {}, await dockerStats());
    expect(figures[id]?.["cpu_used_cores"]).toBeGreaterThan(0.2);
    expect(figures[id]?.["cpu_used_cores"]).toBeLessThan(0.7);
  });

  test("where the engine's processes are not ours to see, the engine is asked, and a stranger's process is not taken for the container", async () => {
    const docker = createDockerEngine({ socketPath: engine.socketPath });
    const sampler = createContainerSampler(docker);
    const running = (await docker.listContainers()).filter((container) => container.state === "running");
    const sample = (await sampler.sample(Date.now(), running)).get(id);
    expectLikeDocker(Object.fromEntries(sample ?? []), await dockerStats());
  });
});
