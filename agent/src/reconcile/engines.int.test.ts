import { buildImages, startTestEngine, startTestPodman, type TestEngine } from "@windflow/e2e/testbed";
import type { ComposeService, DesiredStack } from "@windflow/core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { stackOf, startHarness, type Harness } from "./testing/harness.ts";
import { IDLE, PROBE, idleService } from "./testing/services.ts";

function service(extra: Partial<ComposeService>): ComposeService {
  return idleService({ restart: "unless-stopped", ...extra });
}

function shop(revision: number, greeting = "hello", subnet?: string): DesiredStack {
  return stackOf("shop", revision, {
    networks: { default: { name: "shop_default", ipam: subnet === undefined ? {} : { config: [{ subnet }] } } },
    volumes: { data: { name: "shop_data" } },
    configs: { motd: { name: "shop_motd", content: `${greeting}\n` } },
    services: {
      db: service({ volumes: [{ type: "volume", source: "data", target: "/data", volume: {} }], healthcheck: PROBE }),
      init: service({ command: ["true"], restart: "no" }),
      api: service({
        environment: { GREETING: greeting },
        configs: [{ source: "motd", target: "/motd" }],
        depends_on: {
          db: { condition: "service_healthy", required: true },
          init: { condition: "service_completed_successfully", required: true },
        },
      }),
      web: service({
        ports: [{ mode: "ingress", target: 80, published: "18080", protocol: "tcp" }],
        depends_on: { api: { condition: "service_started", required: true } },
        deploy: { replicas: 1 },
      }),
    },
  });
}

// On Docker 28.5 with its graph driver run all the other tests of this folder.
describe.each([
  ["Docker 28.5 with the containerd store", () => startTestEngine({ containerdSnapshotter: true })],
  ["Docker 20.10", () => startTestEngine({ release: "20.10" })],
  ["Podman 4.3", () => startTestPodman()],
])("%s", (_name, start) => {
  let machine: Pick<TestEngine, "docker" | "socketPath" | "stop">;
  let harness: Harness;

  beforeAll(async () => {
    machine = await start();
    await buildImages(machine.docker, ["busybox"]);
  });
  afterAll(async () => machine.stop());
  beforeEach(() => {
    harness = startHarness(machine.socketPath);
  });
  afterEach(async () => harness.clear());

  const idOf = (name: string): string => harness.idOf(name) ?? "";
  const planned = async (stack: DesiredStack): Promise<string> => (await harness.reconciler.planFor(stack)).text;

  test("a stack comes up in order, stays as it is, and changes only what changed", async () => {
    await harness.deploy(shop(1));
    expect(await planned(shop(1))).toBe("nothing to do");
    const ids = Object.fromEntries(["db", "web"].map((name) => [name, idOf(`shop-${name}-1`)]));
    const { output } = await harness.engine.exec(idOf("shop-api-1"), {
      command: ["cat", "/motd"],
      tty: false,
      signal: new AbortController().signal,
    });
    let motd = "";
    for await (const { bytes } of output) motd += bytes.toString();
    expect(motd).toBe("hello\n");

    await harness.deploy(shop(2, "bonjour"));
    expect(await planned(shop(2, "bonjour"))).toBe("nothing to do");
    expect({ db: idOf("shop-db-1"), web: idOf("shop-web-1") }).toEqual(ids);
    const status = harness.last()?.stacks[0]?.services ?? [];
    expect(Object.fromEntries(status.map(({ service: name, state }) => [name, state]))).toEqual({
      api: "running",
      db: "running",
      init: "completed",
      web: "running",
    });
  });

  test("a container that is removed by hand comes back; a port that changes replaces its container; volumes stay", async () => {
    await harness.deploy(shop(1));
    const lost = idOf("shop-db-1");
    await machine.docker.getContainer(lost).remove({ force: true });
    await harness.until("it is back", (report) =>
      report.stacks.every(
        ({ state, services }) =>
          state === "running" && services.every(({ containerIds }) => !containerIds.includes(lost)),
      ),
    );
    const moved = shop(2);
    const web = moved.model.services["web"];
    const ports = [{ mode: "ingress", target: 80, published: "18081", protocol: "tcp" }];
    const services = { ...moved.model.services, ...(web === undefined ? {} : { web: { ...web, ports } }) };
    await harness.deploy({ ...moved, model: { ...moved.model, services } });
    const container = harness.reconciler.observed()?.containers.find(({ name }) => name === "shop-web-1");
    expect(container?.ports).toContainEqual(expect.objectContaining({ hostPort: 18_081, containerPort: 80 }));
    expect(harness.reconciler.observed()?.volumes.map(({ name }) => name)).toContain("shop_data");
  });

  test("a network whose settings change is made anew with its containers", async () => {
    await harness.deploy(shop(1));
    const stack = shop(2, "hello", "10.231.7.0/24");
    await harness.deploy(stack);
    expect(await planned(stack)).toBe("nothing to do");
    const container = harness.reconciler.observed()?.containers.find(({ name }) => name === "shop-web-1");
    expect(container?.networks[0]?.ipAddress).toMatch(/^10\.231\.7\./);
  });

  test("a service that turns unhealthy is said to be, and is well again when its probe is", async () => {
    const probe = { ...PROBE, test: ["CMD", "test", "-e", "/data/ok"], retries: 1 };
    const stack = stackOf("sick", 1, {
      networks: { default: { name: "sick_default", ipam: {} } },
      services: {
        one: service({ healthcheck: probe, command: ["sh", "-c", `mkdir /data; touch /data/ok; ${IDLE[2]}`] }),
      },
    });
    await harness.deploy(stack);
    const run = async (...command: string[]): Promise<void> => {
      const session = await harness.engine.exec(idOf("sick-one-1"), {
        command,
        tty: false,
        signal: new AbortController().signal,
      });
      for await (const chunk of session.output) void chunk;
    };
    await run("rm", "/data/ok");
    await harness.until("it is unhealthy", (report) => report.stacks[0]?.state === "unhealthy");
    await run("touch", "/data/ok");
    await harness.until("it is well", (report) => report.stacks[0]?.state === "running");
  });
});
