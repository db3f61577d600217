import type { ServiceStatus } from "@windflow/core";
import { expect, test } from "vitest";
import { createWellSince } from "./well-since.ts";

function service(fields: Partial<ServiceStatus>): ServiceStatus {
  const base = { stackId: "stk_1", service: "web", state: "running" as const, cause: "", evidence: [] };
  return { ...base, containerIds: ["c1"], since: 1_000, ...fields };
}

test("the time counts from when the last service was seen well, not from when its container started", () => {
  let now = 5_000;
  const wellSince = createWellSince(() => now);
  expect(wellSince.of("stk_1", [service({}), service({ service: "db", state: "starting" })])).toBeUndefined();
  now = 9_000;
  expect(wellSince.of("stk_1", [service({}), service({ service: "db" })])).toBe(9_000);
  now = 20_000;
  expect(wellSince.of("stk_1", [service({}), service({ service: "db" })])).toBe(9_000);
});

test("an illness, another container and a restart each begin it anew", () => {
  let now = 1;
  const wellSince = createWellSince(() => now);
  const look = (fields: Partial<ServiceStatus>): number | undefined => {
    now += 1;
    return wellSince.of("stk_1", [service(fields)]);
  };
  expect(look({})).toBe(2);
  expect(look({ state: "unhealthy" })).toBeUndefined();
  expect(look({})).toBe(4);
  expect(look({ containerIds: ["c2"] })).toBe(5);
  expect(look({ containerIds: ["c2"], since: 2_000 })).toBe(6);
  expect(look({ containerIds: ["c2"], since: 2_000 })).toBe(6);
});

test("a service that ran to its end is well; a stack without services is nothing to speak of", () => {
  const wellSince = createWellSince(() => 7);
  expect(wellSince.of("stk_1", [service({ state: "completed" })])).toBe(7);
  expect(wellSince.of("stk_2", [])).toBeUndefined();
});
