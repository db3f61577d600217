import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ROTATED_FILES, openRotatedFile, rotatedPaths } from "./rotated-file.ts";

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "windflow-log-"));
  path = join(folder, "agent.log");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const there = (): string[] => rotatedPaths(path).filter((one) => existsSync(one));
const line = (n: number): string => `${String(n).padStart(9, "0")}\n`;

test("a log stays within its size whatever is written, keeps the newest lines whole, and is its owner's alone", () => {
  const write = openRotatedFile(path, 100);
  for (let n = 1; n <= 1_000; n++) write(line(n));
  expect(there()).toHaveLength(ROTATED_FILES);
  for (const one of there()) {
    expect(statSync(one).size).toBeLessThanOrEqual(100);
    expect(statSync(one).mode & 0o777).toBe(0o600);
  }
  const kept = there()
    .toReversed()
    .map((one) => readFileSync(one, "utf8"))
    .join("");
  expect(kept).toBe(Array.from({ length: 40 }, (_, index) => line(961 + index)).join(""));
});

test("a restart goes on in the same file, and one that a person removed is made anew at the next rotation", () => {
  openRotatedFile(path, 100)(line(1));
  const write = openRotatedFile(path, 100);
  write(line(2));
  expect(readFileSync(path, "utf8")).toBe(line(1) + line(2));
  rmSync(path);
  for (let n = 3; n <= 20; n++) write(line(n));
  expect(readFileSync(path, "utf8")).toContain(line(20));
});

test("what cannot be written is lost without a word to the program, and the next line is tried again", () => {
  const file = join(folder, "file");
  writeFileSync(file, "");
  expect(() => openRotatedFile(join(file, "agent.log"))(line(1))).not.toThrow();
  const write = openRotatedFile(join(folder, "later/agent.log"));
  write(line(1));
  expect(existsSync(join(folder, "later"))).toBe(false);
});
