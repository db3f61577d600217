import fc from "fast-check";
import { expect, test } from "vitest";
import { createLineCutter } from "./log-lines.ts";

const STAMP = "2026-01-02T03:04:05.678901234Z";

test("lines are the same however the engine's chunks are cut", () => {
  const texts = fc.array(fc.stringMatching(/^[a-zé ]{0,20}$/), { maxLength: 20 });
  fc.assert(
    fc.property(texts, fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1 }), (lines, cuts) => {
      const bytes = Buffer.from(lines.map((line) => `${STAMP} ${line}\n`).join(""));
      const cutter = createLineCutter(false);
      const entries = [];
      for (let at = 0, i = 0; at < bytes.length; i++) {
        const size = cuts[i % cuts.length] ?? 1;
        entries.push(...cutter.cut(bytes.subarray(at, at + size)));
        at += size;
      }
      entries.push(...cutter.rest());
      expect(entries.map((entry) => entry.text)).toEqual(lines);
      expect(entries.every((entry) => entry.at?.toISOString() === "2026-01-02T03:04:05.678Z")).toBe(true);
    }),
  );
});

test("a line without end comes in pieces with the time of its beginning; the rest comes at the end", () => {
  const cutter = createLineCutter(true);
  const first = cutter.cut(Buffer.from(`${STAMP} ${"x".repeat(40_000)}`));
  const rest = cutter.rest();
  expect(first).toHaveLength(2);
  expect([...first, ...rest].map((entry) => entry.text).join("")).toBe("x".repeat(40_000));
  expect(new Set([...first, ...rest].map((entry) => entry.at?.getTime())).size).toBe(1);
  expect(first[0]?.stderr).toBe(true);
});

test("a carriage return before the line end is not text", () => {
  expect(createLineCutter(false).cut(Buffer.from(`${STAMP} ok\r\n`))[0]?.text).toBe("ok");
});
