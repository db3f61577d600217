import { expect, test } from "vitest";
import { planStacks } from "./plan.ts";
import { createModelEngine } from "./testing/model-engine.ts";
import { editContainer, planText, running } from "./testing/plan-text.ts";
import { desiredWorld, emptyWorld, service, stack } from "./testing/small-world.ts";

const hooks = { post_start: [{ command: ["a"] }, { command: ["b"] }], pre_stop: [{ command: ["z"] }] };

test("hooks run in their order after the start, and what depends on the service waits for them", () => {
  const web = service({ depends_on: { db: { condition: "service_started", required: true } } });
  expect(planText(createModelEngine(emptyWorld()), [stack({ db: service(hooks), web })])).toBe(
    `1. create-network shop_default: missing
2. create-container shop-db-1: missing (after 1)
3. start-container shop-db-1: new container (after 2)
4. run-hook shop-db-1 post_start[0]: it is to be started (after 3)
5. run-hook shop-db-1 post_start[1]: it is to be started (after 4)
6. create-container shop-web-1: missing (after 1)
7. start-container shop-web-1: new container (after 5, 6)`,
  );
});

test("an agent that died between the start and a hook runs the hooks that are due", () => {
  const wanted = stack({ web: service(hooks) });
  const engine = createModelEngine(emptyWorld());
  const desired = desiredWorld(wanted);
  engine.run(planStacks({ observed: engine.world(), desired }), desired, 4);
  expect(planText(engine, [wanted])).toBe(
    "1. run-hook shop-web-1 post_start[1]: it was started, and this has not run yet",
  );
});

test("a container runs the hooks that it was made with before it is stopped, also when its stack is gone", () => {
  const engine = running(stack({ web: service(hooks) }));
  const plan = planStacks({ observed: engine.world(), desired: desiredWorld() });
  expect(plan.steps.map(({ id }) => id)).toEqual([
    "run-hook shop-web-1 [000000000002] pre_stop[0]",
    "stop-container shop-web-1 [000000000002]",
    "remove-container shop-web-1 [000000000002]",
    "remove-network shop_default [000000000001]",
  ]);
  const changed = service({ ...hooks, pre_stop: [{ command: ["other"] }] });
  const replacing = planStacks({ observed: engine.world(), desired: desiredWorld(stack({ web: changed })) });
  expect(replacing.steps.find(({ op, id }) => op === "run-hook" && id.includes("pre_stop"))).toMatchObject({
    hook: { command: ["z"] },
  });
});

test("what does not run any more runs no hook before it goes", () => {
  const engine = running(stack({ web: service(hooks) }));
  editContainer(engine, "shop-web-1", { state: "exited", exitCode: 0 });
  expect(planText(engine, [])).not.toContain("run-hook");
});

test("an adopted container, which carries no hooks, runs those of its service", () => {
  const engine = running(stack({ web: service(hooks) }));
  const [container] = engine.world().containers;
  const labels = {
    "com.docker.compose.project": "shop",
    "com.docker.compose.service": "web",
    "com.docker.compose.container-number": "1",
  };
  editContainer(engine, "shop-web-1", { labels: { ...labels, "com.docker.compose.config-hash": "old" } });
  const changed = stack({ web: service(hooks) }, { adopted: [container?.id ?? ""] });
  expect(planText(engine, [changed])).toContain("run-hook shop-web-1 [000000000002] pre_stop[0]");
});
