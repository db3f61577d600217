import { expect, test } from "vitest";
import type { Principal } from "../api/index.ts";
import { manualClock } from "../platform/index.ts";
import { createPrincipalCache } from "./principal-cache.ts";

const ada: Principal = {
  kind: "user",
  id: "usr_ada",
  name: "ada",
  userId: "usr_ada",
  sessionId: undefined,
  mustChangePassword: false,
  memberships: [],
};

test("a principal is remembered for two seconds, or until its user changed", async () => {
  const clock = manualClock(new Date(0));
  const cache = createPrincipalCache(clock);
  let lookUps = 0;
  const get = () => cache.get("secret", () => Promise.resolve((lookUps++, ada)));
  await get();
  await get();
  expect(lookUps).toBe(1);
  cache.forget("usr_other");
  await get();
  expect(lookUps).toBe(1);
  cache.forget("usr_ada");
  await get();
  expect(lookUps).toBe(2);
  clock.advance(2_000);
  await get();
  expect(lookUps).toBe(3);
});

test("a look-up that was overtaken by a change, or found nobody, is not remembered", async () => {
  const cache = createPrincipalCache(manualClock(new Date(0)));
  const slow = Promise.withResolvers<Principal | undefined>();
  const first = cache.get("secret", () => slow.promise);
  cache.forget("usr_ada");
  slow.resolve(ada);
  expect(await first).toBe(ada);
  expect(await cache.get("secret", () => Promise.resolve(undefined))).toBeUndefined();
  expect(await cache.get("secret", () => Promise.resolve(ada))).toBe(ada);
});
