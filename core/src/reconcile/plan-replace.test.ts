import { expect, test } from "vitest";
import type { DesiredStack } from "./desired.ts";
import type { ObservedContainer } from "./observed.ts";
import type { ModelEngine } from "./testing/model-engine.ts";
import { editContainer, planNow, planText, running } from "./testing/plan-text.ts";
import { desiredWorld, HEALTHCHECK, service, stack } from "./testing/small-world.ts";

const PORTS = [{ target: 80, published: "80" }];

function revision(number: number, extra: Parameters<typeof service>[0] = {}, attempt = "first"): DesiredStack {
  return stack(
    { web: service({ ports: PORTS, environment: { A: String(number) }, ...extra }) },
    { revision: number, attempt },
  );
}

/** The engine after every step of the change that can be done. */
function changed(wanted: DesiredStack, before = revision(1)): ModelEngine {
  const engine = running(before);
  step(engine, wanted);
  return engine;
}

function step(engine: ModelEngine, wanted: DesiredStack): void {
  engine.run(planNow(engine, [wanted]), desiredWorld(wanted));
}

function names(engine: ModelEngine): string[] {
  return engine
    .world()
    .containers.map(({ name, state }) => `${name} ${state}`)
    .toSorted();
}

function fail(engine: ModelEngine, change: Partial<ObservedContainer>): void {
  const detail = { createdAt: 0, startedAt: engine.world().observedAt, restartCount: 0, outOfMemory: false };
  editContainer(engine, "shop-web-1", { detail, ...change });
}

const BACK = `1. remove-container shop-web-1 [000000000003]: it failed: it ended with exit code 1
2. rename-container shop-web-1_000000000002 to shop-web-1: its name is free now (after 1)
3. start-container shop-web-1 [000000000002]: what took its place failed (after 1)
error: web: revision 2 failed: it ended with exit code 1; the previous container (revision 1) is started again`;

test("the old container is kept until the new one has run for a while, and then goes", () => {
  const engine = changed(revision(2));
  expect(names(engine)).toEqual(["shop-web-1 running", "shop-web-1_000000000002 exited"]);
  expect(planText(engine, [revision(2)])).toBe("nothing to do");
  expect(planNow(engine, [revision(2)]).recheckAt).toBe(engine.world().observedAt + 5_000);
  engine.passTime(5_000);
  expect(planText(engine, [revision(2)])).toContain("1. remove-container shop-web-1_000000000002");
  step(engine, revision(2));
  expect(names(engine)).toEqual(["shop-web-1 running"]);
  expect(planNow(engine, [revision(2)]).replacements).toEqual([]);
});

test("a new container that ends is removed, the old one runs again, and that attempt is not tried again", () => {
  const engine = changed(revision(2));
  fail(engine, { state: "exited", exitCode: 1 });
  expect(planText(engine, [revision(2)])).toBe(BACK);
  step(engine, revision(2));
  expect(names(engine)).toEqual(["shop-web-1 running"]);
  const told = "web: revision 2 failed: it ended with exit code 1; the previous container (revision 1) runs again";
  for (let round = 0; round < 3; round++) {
    engine.passTime(60_000);
    expect(planText(engine, [revision(2)])).toBe(`nothing to do\nerror: ${told}`);
    step(engine, revision(2));
  }
  expect(planText(engine, [revision(2, {}, "second")])).toContain("create-container shop-web-1 as");
  expect(planText(engine, [revision(3)])).toContain("create-container shop-web-1 as");
  expect(planText(engine, [revision(1)])).toBe("nothing to do");
});

test("a start that the engine refuses brings the old container back", () => {
  const engine = running(revision(1));
  const wanted = revision(2);
  engine.run(planNow(engine, [wanted]), desiredWorld(wanted), 2);
  engine.noteFailed("shop-web-1", "port is already allocated");
  step(engine, wanted);
  expect(names(engine)).toEqual(["shop-web-1 running"]);
  expect(planText(engine, [wanted])).toContain(
    "revision 2 failed: port is already allocated; the previous container (revision 1) runs again",
  );
});

test.each([
  ["unhealthy", { health: "unhealthy" as const }, 0, "its healthcheck fails"],
  ["never healthy", { health: "starting" as const }, 251_000, "it was not healthy within 250 s"],
])("a new container that is %s brings the old one back", (_name, change, ms, why) => {
  const engine = changed(revision(2, { healthcheck: HEALTHCHECK }), revision(1, { healthcheck: HEALTHCHECK }));
  fail(engine, change);
  editContainer(engine, "shop-web-1", {
    detail: { createdAt: 0, startedAt: -ms, restartCount: 0, outOfMemory: false },
  });
  step(engine, revision(2, { healthcheck: HEALTHCHECK }));
  expect(planText(engine, [revision(2, { healthcheck: HEALTHCHECK })])).toContain(
    `revision 2 failed: ${why}; the previous`,
  );
  expect(names(engine)).toEqual(["shop-web-1 running"]);
});

test("a one-shot that has run to its end has proven itself", () => {
  const engine = changed(revision(2));
  fail(engine, { state: "exited", exitCode: 0 });
  expect(planText(engine, [revision(2)])).toContain("1. remove-container shop-web-1_000000000002");
});

test("a service that crashes at first is given the time to come up, and is given up when it does not", () => {
  const restart = { restart: "always" };
  const engine = changed(revision(2, restart), revision(1, restart));
  const detail = { createdAt: 0, startedAt: 0, outOfMemory: false };
  editContainer(engine, "shop-web-1", { state: "restarting", exitCode: 1, detail: { ...detail, restartCount: 2 } });
  expect(planText(engine, [revision(2, restart)])).toBe("nothing to do");
  editContainer(engine, "shop-web-1", { state: "restarting", exitCode: 1, detail: { ...detail, restartCount: 5 } });
  expect(planText(engine, [revision(2, restart)])).toContain("it keeps ending: it ended with exit code 1");
});

test("a stack goes back as a whole, and says with whom", () => {
  const both = (number: number): DesiredStack =>
    stack(
      {
        db: service({ ports: [{ target: 1, published: "1" }], environment: { A: String(number) } }),
        web: service({ ports: PORTS, environment: { A: String(number) } }),
      },
      { revision: number },
    );
  const engine = changed(both(2), both(1));
  fail(engine, { state: "exited", exitCode: 1 });
  engine.passTime(60_000);
  step(engine, both(2));
  expect(planText(engine, [both(2)])).toBe(
    `nothing to do
error: db: revision 2 was taken back, since web failed; the previous container (revision 1) runs again
error: web: revision 2 failed: it ended with exit code 1; the previous container (revision 1) runs again`,
  );
  const labels = engine.world().containers.map((container) => container.labels["dev.windflow.revision"]);
  expect(labels).toEqual(["1", "1"]);
});

test("what the revision added goes with what failed, and its port is free again", () => {
  const before = stack({ web: service({ ports: PORTS }) });
  const after = stack(
    {
      added: service({ ports: PORTS }),
      web: service({ ports: [{ target: 80, published: "81" }] }),
    },
    { revision: 2 },
  );
  const engine = changed(after, before);
  expect(names(engine)).toEqual(["shop-added-1 running", "shop-web-1 running", "shop-web-1_000000000002 exited"]);
  fail(engine, { state: "exited", exitCode: 1 });
  expect(planText(engine, [after])).toBe(
    `1. stop-container shop-added-1 [000000000003]: it was added, and web failed: it ended with exit code 1
2. remove-container shop-added-1 [000000000003]: it was added, and web failed: it ended with exit code 1 (after 1)
3. remove-container shop-web-1 [000000000004]: it failed: it ended with exit code 1
4. rename-container shop-web-1_000000000002 to shop-web-1: its name is free now (after 3)
5. start-container shop-web-1 [000000000002]: what took its place failed (after 1, 3)
error: added: revision 2 was taken back, and this service is new with it: web failed: it ended with exit code 1
error: web: revision 2 failed: it ended with exit code 1; the previous container (revision 1) is started again`,
  );
  step(engine, after);
  expect(names(engine)).toEqual(["shop-web-1 running"]);
  engine.passTime(60_000);
  expect(planText(engine, [after])).toContain("nothing to do");
});

test("what ran before an attempt that was not decided is what the next one goes back to", () => {
  const engine = changed(revision(2));
  step(engine, revision(3));
  expect(names(engine)).toEqual(["shop-web-1 running", "shop-web-1_000000000002 exited"]);
  fail(engine, { state: "exited", exitCode: 1 });
  step(engine, revision(3));
  expect(engine.world().containers.map(({ labels }) => labels["dev.windflow.revision"])).toEqual(["1"]);
});

test("without an earlier container there is nothing to go back to, and the failed one stays to be looked at", () => {
  const engine = running(revision(1));
  fail(engine, { state: "exited", exitCode: 1 });
  expect(planText(engine, [revision(1)])).toBe("nothing to do");
});

test("a container that was made with other hooks runs those when it comes back", () => {
  const before = revision(1, { post_start: [{ command: ["old"] }] });
  const engine = changed(revision(2), before);
  fail(engine, { state: "exited", exitCode: 1 });
  expect(planNow(engine, [revision(2)]).steps.at(-1)).toMatchObject({ op: "run-hook", hook: { command: ["old"] } });
});

test("a container that is never what was asked for is not made a fourth time, and that is told", () => {
  const engine = changed(revision(2));
  editContainer(engine, "shop-web-1", {
    labels: { ...engine.world().containers.at(-1)?.labels, "com.docker.compose.config-hash": "another" },
  });
  const made = { "stk_shop 2 first shop-web-1": 3 };
  const told = "it differs from what was asked right after it was made, 3 times: its configuration changed";
  expect(planText(engine, [revision(2)], { made })).toBe(`nothing to do\nerror: web: ${told}`);
  expect(planText(engine, [revision(2)], { made: { "stk_shop 2 first shop-web-1": 2 } })).toContain("create-container");
  expect(planText(engine, [revision(2, {}, "second")], { made })).toContain("create-container");
});

test("what shares the network of another comes back after it", () => {
  const side = service({ network_mode: "service:web", environment: { A: "1" } });
  delete side.networks;
  const both = (number: number): DesiredStack =>
    stack({ web: service({ ports: PORTS, environment: { A: String(number) } }), side }, { revision: number });
  const engine = changed(both(2), both(1));
  fail(engine, { state: "exited", exitCode: 1 });
  const { steps } = planNow(engine, [both(2)]);
  const starts = steps.filter(({ op }) => op === "start-container");
  expect(starts.map((start) => ("slot" in start ? start.slot : ""))).toEqual(["shop-web-1", "shop-side-1"]);
  expect(starts[1]?.dependsOn).toContain(starts[0]?.id);
  step(engine, both(2));
  expect(names(engine)).toEqual(["shop-side-1 running", "shop-web-1 running"]);
});
