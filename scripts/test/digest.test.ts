import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { firstLines, formatDigest, readDigest } from "./digest.ts";

test("of an error its first lines are kept, without colours and without what is empty", () => {
  const red = "\u001B[31mexpected 1 to be 2\u001B[39m";
  expect(firstLines(`${red}\n\n- Expected\n+ Received\n\n- 2\n+ 1\nmore\n`)).toBe(
    "expected 1 to be 2\n- Expected\n+ Received\n- 2\n+ 1",
  );
});

test("what failed is named with its suite and file, then what needed a second try; without either nothing is said", () => {
  const entry = { file: "agent/src/a.int.test.ts", name: "it holds", error: "no\nnever" };
  const lines = formatDigest([
    { suite: "integration", digest: { failed: [], laterTry: [entry] } },
    { suite: "e2e", digest: { failed: [{ ...entry, name: "" }], laterTry: [] } },
  ]);
  expect(lines.join("\n")).toBe(`
failed:
- e2e > agent/src/a.int.test.ts
    no
    never

needed a second try:
- integration > agent/src/a.int.test.ts > it holds
    no
    never`);
  expect(formatDigest([{ suite: "unit", digest: { failed: [], laterTry: [] } }])).toEqual([]);
});

test("a suite that failed is in the digest, also when it left none", () => {
  const folder = mkdtempSync(join(tmpdir(), "windflow-digest-"));
  const path = join(folder, "unit.json");
  const nothing = { failed: [], laterTry: [] };
  expect(readDigest(path, true).failed).toHaveLength(1);
  expect(readDigest(path, false)).toEqual(nothing);
  writeFileSync(path, JSON.stringify(nothing));
  expect(readDigest(path, true).failed).toHaveLength(1);
  rmSync(folder, { recursive: true });
});
