import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { METERED_PACE, sha256Hex } from "@windflow/core";
import { startHardLink } from "@windflow/e2e/testbed";
import { expect, test, vi } from "vitest";
import { enrollAgent, readConfig, startAgent } from "../index.ts";
import { startTestControlPlane } from "../testing/control-plane.ts";
import { createFastClock } from "../testing/fast-clock.ts";
import { absentEngine } from "../testing/quiet-engine.ts";

const HOUR_MS = 3_600_000;
const MEASURED_MS = HOUR_MS / 3;
// Fast enough for a test, slow enough that a busy machine answers within the minutes that an answer may take.
const RATE = 150;
const MOST_BYTES_A_DAY = 1_000_000;

test("a metered host without work takes less than 1 MB a day, both ways together", async () => {
  const plane = await startTestControlPlane();
  const stateDir = mkdtempSync(join(tmpdir(), "windflow-metered-"));
  plane.behaviour.welcome = { intervals: { ...METERED_PACE, live: false } };
  const link = await startHardLink({ target: { host: "127.0.0.1", port: Number(new URL(plane.url).port) } });
  const config = readConfig({ stateDir, dockerHost: "unix:///nonexistent.sock", name: "edge-1" });
  const server = `https://127.0.0.1:${link.port}`;
  await enrollAgent(config, { server, token: "token", caSha256: sha256Hex(plane.authority.root) });
  const clock = createFastClock();
  const agent = startAgent(config, { log: () => undefined, engine: absentEngine(), random: () => 0.05, clock });
  try {
    await vi.waitFor(() => expect(plane.sessions.length).toBe(1), { timeout: 10_000 });
    const [session] = plane.sessions;
    session?.send({
      $case: "linkSettings",
      value: { digest: "d1", metered: true, limits: [], timeZone: "", images: "registry", peers: false },
    });
    await vi.waitFor(() => expect(session?.received.some(({ $case }) => $case === "linkReport")).toBe(true));
    clock.accelerate(RATE);
    // The first figures begin the hour.
    const batches = (): number => session?.received.filter(({ $case }) => $case === "spoolBatch").length ?? 0;
    const before = batches();
    await vi.waitFor(() => expect(batches()).toBeGreaterThan(before), { timeout: 40_000 });
    const [from, up, down] = [clock.now(), link.bytes.up, link.bytes.down];
    await new Promise((resolve) => setTimeout(resolve, MEASURED_MS / RATE));
    const hours = (clock.now() - from) / HOUR_MS;
    const aDay = ((link.bytes.up - up + link.bytes.down - down) / hours) * 24;
    expect(aDay).toBeLessThan(MOST_BYTES_A_DAY);
    // It did speak: figures each five minutes.
    expect(batches() - before).toBeGreaterThan(2);
  } finally {
    await agent.stop();
    link.close();
    await plane.stop();
    rmSync(stateDir, { recursive: true, force: true });
  }
});
