import fc from "fast-check";
import { expect, test } from "vitest";
import { isOwnNotify, notifyPayloads, parseNotify } from "./notify.ts";

const event = fc.record({
  name: fc.string({ maxLength: 40 }),
  payload: fc.record({ id: fc.string({ maxLength: 200 }) }),
});

test("any events come back whole and in order, in texts that the server takes", () => {
  fc.assert(
    fc.property(fc.array(event, { maxLength: 200 }), (events) => {
      const texts = notifyPayloads("rep_1", events);
      expect(texts.every((text) => Buffer.byteLength(text) < 8000)).toBe(true);
      expect(texts.flatMap((text) => parseNotify(text)?.events ?? [])).toEqual(events);
      expect(texts.every((text) => isOwnNotify(text, "rep_1") && !isOwnNotify(text, "rep_"))).toBe(true);
    }),
    { numRuns: 50 },
  );
});

test("an event that carries more than ids is refused, and foreign texts are passed over", () => {
  expect(() => notifyPayloads("rep_1", [{ name: "x", payload: { text: "x".repeat(8000) } }])).toThrow(/send ids only/);
  expect(parseNotify("hello")).toBeUndefined();
  expect(parseNotify('["rep", 1, ["a", null]]')).toEqual({ replicaId: "rep", events: [] });
});
