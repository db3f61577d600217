import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { ComposeService, DesiredStack } from "@windflow/core";
import { buildImages, startTestEngine, type TestEngine } from "@windflow/e2e/testbed";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { startHarness, type Harness } from "./testing/harness.ts";
import { IDLE, webStack } from "./testing/services.ts";

const run = promisify(execFile);

let machine: TestEngine;
let harness: Harness;

beforeAll(async () => {
  machine = await startTestEngine();
  await buildImages(machine.docker, ["busybox"]);
});
afterAll(async () => machine.stop());
beforeEach(() => {
  harness = startHarness(machine.socketPath, {
    secrets: async (_stack, reference) => (reference === "password@3" ? "hunter2" : undefined),
  });
});
afterEach(async () => harness.clear());

function single(web: Partial<ComposeService>, revision = 1): DesiredStack {
  const mounted: Partial<ComposeService> = { volumes: [{ type: "volume", source: "told", target: "/told" }], ...web };
  return webStack("shop", revision, mounted, { volumes: { told: { name: "shop_told" } } });
}

async function told(): Promise<string> {
  const args = ["-H", `unix://${machine.socketPath}`, "exec", "shop-web-1", "cat", "/told/log"];
  return (await run("docker", args, { env: machine.programs.environment(process.env) })).stdout;
}

test("hooks run as written, after each start and before each stop, with the user, folder, environment and secrets given", async () => {
  const hooks = {
    post_start: [
      {
        command: ["sh", "-c", "echo started $(pwd) $(id -u) $NAME >> /told/log"],
        user: "7:7",
        working_dir: "/tmp",
        environment: { NAME: "{{wf-secret:password@3}}" },
      },
      { command: ["sh", "-c", "echo second >> /told/log"] },
    ],
    pre_stop: [{ command: ["sh", "-c", "echo stopping >> /told/log"] }],
    command: ["sh", "-c", `chmod 777 /told; ${IDLE[2]}`],
  };
  await harness.deploy(single(hooks));
  expect(await told()).toBe("started /tmp 7 hunter2\nsecond\n");
  await harness.deploy(single({ ...hooks, environment: { A: "1" } }, 2));
  expect(await told()).toBe("started /tmp 7 hunter2\nsecond\nstopping\nstarted /tmp 7 hunter2\nsecond\n");
  expect(JSON.stringify(harness.progress)).not.toContain("hunter2");
  expect(harness.memory()?.hooksDue).toEqual({});
});

test("a hook after the start that fails has failed the service, with what it wrote and without secrets", async () => {
  const command = ["sh", "-c", "echo no luck with $P; exit 4"];
  harness.desire(single({ post_start: [{ command, environment: { P: "{{wf-secret:password@3}}" } }] }));
  const report = await harness.until("it failed", ({ stacks }) => stacks[0]?.services[0]?.state === "failed");
  expect(report.stacks[0]?.cause).toBe("the post_start hook 1 ended with exit code 4: no luck with [REDACTED]");
  expect(report.appliedGeneration).toBeUndefined();
  await harness.deploy(single({ post_start: [{ command: ["true"] }] }, 2));
});

test("a hook before the stop that fails is told of, and the stop goes on", async () => {
  await harness.deploy(single({ pre_stop: [{ command: ["sh", "-c", "exit 3"] }] }));
  harness.desire();
  await harness.until("it is gone", ({ world }) => world?.containers.length === 0);
  expect(harness.progress.find(({ op, phase }) => op === "run-hook" && phase === "done")?.error).toBe(
    "the pre_stop hook 1 ended with exit code 3; the stop goes on",
  );
});

test("an agent that dies between the start and its hooks runs them when it is back", async () => {
  const hooked = single({ post_start: [{ command: ["sh", "-c", "echo hooked >> /told/log"] }] });
  await harness.deploy(hooked);
  const [container] = await harness.engine.listContainers();
  const memory = harness.memory();
  await harness.stop();
  // What such an agent leaves: a container that runs as wanted, and the note that its hooks are due.
  harness = startHarness(machine.socketPath, {
    initialMemory: {
      pins: [],
      holds: [],
      running: [],
      bootId: "boot-1",
      ...memory,
      hooksDue: { [container?.id ?? ""]: 0 },
    },
  });
  await harness.deploy(hooked);
  expect(await told()).toMatch(/hooked\nhooked\n$/);
});
