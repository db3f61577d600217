import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { type Program, nodeCommand } from "@windflow/installer";
import { type Machine, createMachine, repositoryRoot, testEnginePrograms } from "@windflow/e2e/testbed";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually } from "./eventually.ts";

// Engine, database, image, rollout: some fifteen seconds, more on a loaded machine.
const UP_TIMEOUT_MS = 180_000;
const BEAT_TIMEOUT_MS = 10_000;

describe("one command on a machine without an engine", () => {
  let machine: Machine;
  let state: string;

  beforeAll(async () => {
    // It has the network and /run to itself: no Docker answers there, and every port is free.
    machine = await createMachine({ name: "bare", engine: await testEnginePrograms() });
    state = join(machine.folder, "home");
    await mkdir(state, { mode: 0o711 });
  });
  afterAll(() => machine?.remove());

  const start = (...flags: string[]): Promise<Program> => {
    const command = nodeCommand(repositoryRoot, "scripts/start.ts", ["--state", state, ...flags]);
    return machine.run(command, { env: { DOCKER_HOST: "" }, logFile: join(machine.folder, "start.log") });
  };
  const beats = async (): Promise<number> => {
    const url = "http://localhost:8080/heartbeat/pulse.json";
    const ask = `fetch(${JSON.stringify(url)}).then((answer) => answer.json()).then(({ beats }) => console.log(beats))`;
    return Number(await machine.exec([process.execPath, "-e", ask]));
  };
  const processes = async (): Promise<string[]> => {
    const listed = await machine.exec(["sh", "-c", "cat /proc/[0-9]*/comm"]);
    return listed.split("\n").filter((name) => /dockerd|containerd|postgres|node/.test(name));
  };

  it("checks itself and leaves nothing running", async () => {
    const smoke = await start("--smoke");
    expect(await smoke.ended).toBe("exit code 0");
    expect(smoke.output()).toContain("smoke: http://localhost:8080/ answers");
    expect(await processes()).toEqual([]);
  });

  it("starts, tells how to sign in, and stops on Ctrl-C", async () => {
    const program = await start();
    await program.waitFor(/password {2}\S+/, UP_TIMEOUT_MS);
    await eventually("the heart beats", BEAT_TIMEOUT_MS, beats, (count) => count > 3);
    process.kill(program.pid, "SIGINT");
    expect(await program.ended).toBe("exit code 0");
    expect(await processes()).toEqual([]);
  });

  it("finds all state again, even after it was killed", async () => {
    const killed = await start();
    await killed.waitFor(/as before/, UP_TIMEOUT_MS);
    const before = await beats();
    await killed.kill();
    const again = await start();
    await again.waitFor(/as before/, UP_TIMEOUT_MS);
    expect(again.output()).toMatch(/running already[\s\S]*hello is deployed already/);
    expect(await beats()).toBeGreaterThan(before);
    await again.stop();
    expect(await processes()).toEqual([]);
  });
});
