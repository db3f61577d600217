import { expect, test } from "vitest";
import type { EngineEvent } from "../reconcile/engine.ts";
import { hostEvent } from "./host-event.ts";

const event = (over: Partial<EngineEvent>): EngineEvent => ({
  at: 1,
  type: "container",
  action: "start",
  id: "abcdef0123456789",
  name: "shop-web-1",
  attributes: {},
  ...over,
});

test("an end is told with its exit code; one by order is no warning, one by itself is", () => {
  expect(hostEvent(event({ action: "die", attributes: { exitCode: "1" } }))).toMatchObject({
    type: "container.die",
    severity: "warning",
    message: "container shop-web-1 ended with exit code 1",
  });
  expect(hostEvent(event({ action: "die", attributes: { exitCode: "143" } }))?.severity).toBe("info");
  expect(hostEvent(event({ action: "oom" }))).toMatchObject({
    severity: "error",
    message: "container shop-web-1 ran out of memory",
  });
});

test("health is told apart from its detail; the stack and service come from the labels", () => {
  const attributes = {
    "dev.windflow.stack": "stk_1",
    "com.docker.compose.service": "web",
    "com.docker.compose.project": "shop",
    image: "x",
  };
  expect(hostEvent(event({ action: "health_status: unhealthy", attributes }))).toMatchObject({
    type: "container.health_status",
    severity: "warning",
    stackId: "stk_1",
    service: "web",
    attributes: { image: "x", detail: "unhealthy", "dev.windflow.stack": "stk_1" },
  });
});

test("the checks that run each few seconds make no event", () => {
  expect(hostEvent(event({ action: "exec_create: /bin/true" }))).toBeUndefined();
  expect(hostEvent(event({ action: "exec_die" }))).toBeUndefined();
});

test("what is no container has no container id", () => {
  expect(hostEvent(event({ type: "network", action: "create", name: "" }))).toMatchObject({
    type: "network.create",
    containerId: "",
    message: "network abcdef012345: create",
  });
});
