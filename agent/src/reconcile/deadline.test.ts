import { expect, test } from "vitest";
import { within } from "./deadline.ts";

test("an engine that does not answer in time counts as away", async () => {
  const due: (() => void)[] = [];
  const clock = { now: () => 0, after: (_ms: number, callback: () => void) => (due.push(callback), () => undefined) };
  const answer = within(clock, 20_000, "list of containers", new Promise(() => undefined));
  due[0]?.();
  await expect(answer).rejects.toMatchObject({
    message: "the engine did not answer within 20 s: list of containers",
    unreachable: true,
  });
});

test("an answer in time is passed on, and so is a refusal", async () => {
  const clock = { now: () => 0, after: () => () => undefined };
  await expect(within(clock, 1, "x", Promise.resolve(7))).resolves.toBe(7);
  await expect(within(clock, 1, "x", Promise.reject(new Error("no")))).rejects.toThrow("no");
});
