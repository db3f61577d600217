import { expect, test } from "vitest";
import type { ComposeService } from "../compose/model.ts";
import type { DesiredStack } from "./desired.ts";
import { formatPlan } from "./format-plan.ts";
import { planStacks } from "./plan.ts";
import { createModelEngine } from "./testing/model-engine.ts";
import { editContainer, planNow, planText, running } from "./testing/plan-text.ts";
import { HEALTHCHECK, desiredWorld, emptyWorld, service, stack, stranger } from "./testing/small-world.ts";

const chain = {
  db: service({ healthcheck: HEALTHCHECK }),
  web: service({ depends_on: { db: { condition: "service_healthy", required: true } } }),
} satisfies Record<string, ComposeService>;

test("a new stack: networks, then each service after those it depends on", () => {
  expect(planText(createModelEngine(emptyWorld()), [stack(chain)])).toBe(
    `1. create-network shop_default: missing
2. create-container shop-db-1: missing (after 1)
3. start-container shop-db-1: new container (after 2)
4. create-container shop-web-1: missing (after 1)
5. wait until shop-db-1 is healthy: web depends on it (after 3)
6. start-container shop-web-1: new container (after 4, 5)`,
  );
});

test("nothing to do where all is as desired", () => {
  expect(planText(running(stack(chain)), [stack(chain)])).toBe("nothing to do");
});

test("images are pulled before anything is stopped, and the port makes it stop first", () => {
  const before = stack({ web: service({ ports: [{ target: 80, published: "8080" }] }) });
  const after = stack(
    { web: service({ image: "app:2", ports: [{ target: 80, published: "8080" }] }) },
    { revision: 2 },
  );
  expect(planText(running(before), [after])).toBe(
    `1. pull-image app:2: not on the host
2. create-container shop-web-1 as 000000000002_shop-web-1: changed: image (after 1)
3. stop-container shop-web-1 [000000000002]: changed: image (after 1, 2)
4. start-container shop-web-1: new container (after 3)
5. rename-container shop-web-1 to shop-web-1_000000000002: it is kept until the new one has proven itself (after 4)
6. rename-container 000000000002_shop-web-1 to shop-web-1: its name is free now (after 5)
interruption of web for up to 11 s: it publishes port 8080`,
  );
});

test("a service that shares nothing starts its new container before the old one stops", () => {
  const before = stack({ web: service({ healthcheck: HEALTHCHECK }) });
  const after = stack({ web: service({ healthcheck: HEALTHCHECK, environment: { A: "1" } }) });
  expect(planText(running(before), [after])).toBe(
    `1. create-container shop-web-1 as 000000000002_shop-web-1: changed: environment
2. start-container shop-web-1: new container (after 1)
3. wait until shop-web-1 is healthy: it is to be started (after 2)
4. stop-container shop-web-1 [000000000002]: changed: environment (after 3)
5. rename-container shop-web-1 to shop-web-1_000000000002: it is kept until the new one has proven itself (after 4)
6. rename-container 000000000002_shop-web-1 to shop-web-1: its name is free now (after 5)`,
  );
});

test("an unhealthy new container goes, and the old one has never stopped", () => {
  const before = stack({ web: service({ healthcheck: HEALTHCHECK }) });
  const after = stack({ web: service({ healthcheck: HEALTHCHECK, environment: { A: "1" } }) }, { revision: 2 });
  const engine = running(before);
  engine.run(planNow(engine, [after]), desiredWorld(after), 2);
  editContainer(engine, "000000000002_shop-web-1", { health: "unhealthy" });
  expect(planText(engine, [after])).toBe(
    `1. stop-container 000000000002_shop-web-1 [000000000003]: it failed: its healthcheck fails
2. remove-container 000000000002_shop-web-1 [000000000003]: it failed: its healthcheck fails (after 1)
error: web: revision 2 failed: its healthcheck fails; the previous container (revision 1) runs again`,
  );
});

test("nameless volumes go over to the new container, named ones that the service gave up do not", () => {
  const mounts = [
    { type: "volume" as const, source: "data", target: "/data" },
    { type: "volume" as const, target: "/cache" },
  ];
  const model = { volumes: { data: { name: "shop_data" } } };
  const engine = running(stack({ web: service() }));
  const nameless = "a".repeat(64);
  editContainer(engine, "shop-web-1", {
    mounts: [
      { type: "volume", name: nameless, destination: "/cache", readWrite: true },
      { type: "volume", name: "shop_old", destination: "/old", readWrite: true },
    ],
  });
  const plan = planStacks({
    observed: engine.world(),
    desired: desiredWorld(stack({ web: service({ volumes: mounts }) }, { model })),
  });
  const create = plan.steps.find((step) => step.op === "create-container");
  expect(create).toMatchObject({ inherited: [{ name: nameless, destination: "/cache" }] });
  expect(formatPlan(plan)).toContain("interruption of web for up to 11 s: it writes to data");
});

test("a replacement of an older revision that was never finished is in nobody's way", () => {
  const revision = (number: number): DesiredStack =>
    stack(
      { web: service({ environment: { A: String(number) }, ports: [{ target: 80, published: "80" }] }) },
      { revision: number },
    );
  const engine = running(revision(1));
  engine.run(
    planStacks({ observed: engine.world(), desired: desiredWorld(revision(2)) }),
    desiredWorld(revision(2)),
    1,
  );
  expect(planText(engine, [revision(3)])).toBe(
    `1. create-container shop-web-1 as 000000000003_shop-web-1: changed: environment
2. remove-container 000000000002_shop-web-1 [000000000003]: changed: environment (after 1)
3. stop-container shop-web-1 [000000000002]: changed: environment (after 1)
4. start-container shop-web-1: new container (after 2, 3)
5. rename-container shop-web-1 to shop-web-1_000000000002: it is kept until the new one has proven itself (after 4)
6. rename-container 000000000003_shop-web-1 to shop-web-1: its name is free now (after 2, 5)
interruption of web for up to 11 s: it publishes port 80`,
  );
});

test("a new container that keeps ending leaves the old one running", () => {
  const before = stack({ web: service({ restart: "always" }) });
  const after = stack({ web: service({ restart: "always", environment: { A: "1" } }) });
  const engine = running(before);
  engine.run(planStacks({ observed: engine.world(), desired: desiredWorld(after) }), desiredWorld(after), 2);
  editContainer(engine, "000000000002_shop-web-1", { state: "restarting", exitCode: 1 });
  expect(planText(engine, [after])).toBe(
    `1. wait until shop-web-1 is started: it keeps ending
2. stop-container shop-web-1 [000000000002]: changed: environment (after 1)
3. rename-container shop-web-1 to shop-web-1_000000000002: it is kept until the new one has proven itself (after 2)
4. rename-container 000000000002_shop-web-1 to shop-web-1: its name is free now (after 3)`,
  );
});

test("a stack that is gone is removed dependents first, its volumes stay", () => {
  const model = { volumes: { data: { name: "shop_data" } } };
  const db = service({ volumes: [{ type: "volume", source: "data", target: "/data" }], healthcheck: HEALTHCHECK });
  expect(planText(running(stack({ ...chain, db }, { model })), [])).toBe(
    `1. stop-container shop-web-1 [000000000003]: its stack is no longer wanted here
2. stop-container shop-db-1 [000000000002]: its stack is no longer wanted here (after 1)
3. remove-container shop-db-1 [000000000002]: its stack is no longer wanted here (after 2)
4. remove-container shop-web-1 [000000000003]: its stack is no longer wanted here (after 1)
5. remove-network shop_default [000000000001]: its stack is no longer wanted here (after 3, 4)`,
  );
});

test("a service that left the stack goes before new ones start", () => {
  expect(planText(running(stack({ old: service() })), [stack({ web: service() })])).toBe(
    `1. stop-container shop-old-1 [000000000002]: service old is no longer in the stack
2. remove-container shop-old-1 [000000000002]: service old is no longer in the stack (after 1)
3. create-container shop-web-1: missing
4. start-container shop-web-1: new container (after 2, 3)`,
  );
});

test("scaling down removes the highest numbers", () => {
  expect(planText(running(stack({ web: service({ scale: 3 }) })), [stack({ web: service({ scale: 1 }) })])).toBe(
    `1. stop-container shop-web-3 [000000000004]: more of it than wanted
2. remove-container shop-web-3 [000000000004]: more of it than wanted (after 1)
3. stop-container shop-web-2 [000000000003]: more of it than wanted
4. remove-container shop-web-2 [000000000003]: more of it than wanted (after 3)`,
  );
});

test("a changed network is made anew, and its containers with it", () => {
  const after = stack(
    { web: service() },
    { model: { networks: { default: { name: "shop_default", ipam: {}, internal: true } } } },
  );
  expect(planText(running(stack({ web: service() })), [after])).toBe(
    `1. stop-container shop-web-1 [000000000002]: network shop_default is made anew
2. remove-container shop-web-1 [000000000002]: network shop_default is made anew (after 1)
3. remove-network shop_default [000000000001]: its settings changed (after 2)
4. create-network shop_default: its settings changed (after 3)
5. create-container shop-web-1: network shop_default is made anew (after 2, 4)
6. start-container shop-web-1: new container (after 5)
interruption of web for up to 11 s: its network is made anew`,
  );
});

test("a one-shot that has run is left, and what waits for it starts", () => {
  const services = {
    migrate: service(),
    web: service({ depends_on: { migrate: { condition: "service_completed_successfully", required: true } } }),
  };
  const engine = running(stack(services));
  expect(planText(engine, [stack(services)])).toBe("nothing to do");
  editContainer(engine, "shop-migrate-1", { exitCode: 1 });
  engine.change((world) => ({ ...world, containers: world.containers.filter(({ name }) => name !== "shop-web-1") }));
  expect(planText(engine, [stack(services)])).toContain(
    "error: web: it waits for migrate to complete, but migrate ended with exit code 1",
  );
});

test.each([
  ["unless-stopped", 0, "1. start-container shop-web-1: it ended with exit code 0, restart is unless-stopped"],
  ["always", 137, "1. start-container shop-web-1: it ended with exit code 137, restart is always"],
  ["on-failure", 1, "nothing to do"],
  ["no", 0, "nothing to do"],
])("restart %s after exit code %i", (restart, exitCode, expected) => {
  const engine = running(stack({ web: service({ restart }) }));
  editContainer(engine, "shop-web-1", { state: "exited", exitCode });
  expect(planText(engine, [stack({ web: service({ restart }) })])).toBe(expected);
});

test("what went down with the engine is started again, whatever its policy", () => {
  const engine = running(stack({ web: service() }));
  editContainer(engine, "shop-web-1", { state: "exited", exitCode: 0, interrupted: true });
  expect(planText(engine, [stack({ web: service() })])).toBe(
    "1. start-container shop-web-1: it ended with exit code 0, but not by itself",
  );
});

test("a held container stays stopped, and what depends on it waits", () => {
  const engine = running(stack(chain));
  editContainer(engine, "shop-db-1", { state: "exited", exitCode: 0 });
  engine.change((world) => ({ ...world, containers: world.containers.filter(({ name }) => name !== "shop-web-1") }));
  const holds = [{ stackId: "stk_shop", revision: 1, service: "db", number: 1 }];
  expect(planText(engine, [stack(chain)], { holds })).toBe(
    `1. create-container shop-web-1: missing
2. wait until shop-db-1 is healthy: web depends on it
3. start-container shop-web-1: new container (after 1, 2)`,
  );
});

test("strangers with our names are reported and left alone", () => {
  const engine = createModelEngine(emptyWorld({ containers: [stranger("shop-web-1")] }));
  expect(planText(engine, [stack({ web: service() })])).toBe(
    `1. create-network shop_default: missing
error: web: the name shop-web-1 is taken by a container that is not of this stack: rename or remove that one`,
  );
});

test("a compose project of others is not taken over", () => {
  const labels = { "com.docker.compose.project": "shop", "com.docker.compose.service": "web" };
  const engine = createModelEngine(emptyWorld({ containers: [stranger("shop-web-1", { labels })] }));
  expect(planText(engine, [stack({ web: service() })])).toBe(
    `nothing to do
error: a compose project named shop runs on this host already (container shop-web-1): adopt it, remove it, or rename the stack`,
  );
});

test("external networks and volumes have to be there", () => {
  const model = {
    networks: { lan: { name: "lan", external: true } },
    volumes: { data: { name: "data", external: true } },
  };
  const web = service({ networks: { lan: null }, volumes: [{ type: "volume", source: "data", target: "/data" }] });
  expect(planText(createModelEngine(emptyWorld()), [stack({ web }, { model })])).toBe(
    `nothing to do
error: web: the external network lan does not exist on this host: create it there first
error: web: the external volume data does not exist on this host: create it there first`,
  );
});

test("a resolved image is found by id, and pulled by digest where it is absent", () => {
  const images = { "app:1": { ids: ["sha256:aa"], pullFrom: "registry.example/app@sha256:bb" } };
  expect(planText(createModelEngine(emptyWorld()), [stack({ web: service() }, { images })])).toContain(
    "pull-image app:1: not on the host",
  );
});

test("a key that agents do not carry out keeps the service from running without it", () => {
  const model = { secrets: { key: { environment: "KEY" } } };
  const web = service({ pre_start: [{ command: ["x"] }], secrets: [{ source: "key" }] });
  expect(planText(createModelEngine(emptyWorld()), [stack({ web }, { model })])).toBe(
    `1. create-network shop_default: missing
error: web: pre_start is not supported: no released docker compose that this follows runs it: use a service that others depend on to complete
error: web: secrets.key is not supported: the environment of the host is not read: give it a content with a variable instead`,
  );
});

test("a model that cannot be read is reported, and the other stacks are planned", () => {
  const broken = stack({ web: { image: "app:1" } as never, worse: null as never }, { stackName: "broken" });
  const text = planText(createModelEngine(emptyWorld()), [broken, stack({ web: service() })]);
  expect(text).toContain("start-container shop-web-1");
  expect(text).toContain("error: it could not be planned");
  expect(text).not.toContain("container broken-");
});

test("a dependency that was made anew after it started restarts what asks for that", () => {
  const web = service({ depends_on: { db: { condition: "service_started", required: true, restart: true } } });
  const engine = running(stack({ db: service(), web }));
  const detail = { restartCount: 0, outOfMemory: false };
  editContainer(engine, "shop-db-1", { detail: { ...detail, createdAt: 20, startedAt: 21 } });
  editContainer(engine, "shop-web-1", { detail: { ...detail, createdAt: 5, startedAt: 10 } });
  expect(planText(engine, [stack({ db: service(), web })])).toBe("1. restart-container shop-web-1: db was made anew");
  editContainer(engine, "shop-web-1", { detail: { ...detail, createdAt: 5, startedAt: 30 } });
  expect(planText(engine, [stack({ db: service(), web })])).toBe("nothing to do");
});

test("a refused stack is left untouched", () => {
  const refusals = { stk_shop: "this host does not allow privileged containers" };
  expect(planText(createModelEngine(emptyWorld()), [stack({ web: service() })], { refusals })).toBe(
    "nothing to do\nerror: this host does not allow privileged containers",
  );
});

test("a container that shares the network of another is made anew with it", () => {
  const side = service({ network_mode: "service:web" });
  delete side.networks;
  const before = stack({ web: service(), side });
  const after = stack({ web: service({ environment: { A: "1" } }), side });
  const text = planText(running(before), [after]);
  expect(text).toContain(
    "create-container shop-side-1 as 000000000003_shop-side-1: it shares the container of web, which is made anew",
  );
  expect(planText(running(before), [before])).toBe("nothing to do");
});
