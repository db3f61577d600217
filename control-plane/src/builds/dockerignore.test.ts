import { expect, test } from "vitest";
import { dockerignore, TooManyPatterns } from "./dockerignore.ts";

const PATHS = [
  "a.log",
  "keep.log",
  "src/a.log",
  "src/deep/b.log",
  "src/main.js",
  "node_modules/x/index.js",
  "README.md",
  ".git/HEAD",
  "a[1].txt",
];

test.each([
  ["", []],
  ["# *.log\n", []],
  ["*.log", ["a.log", "keep.log"]],
  ["/*.log", ["a.log", "keep.log"]],
  ["**/*.log", ["a.log", "keep.log", "src/a.log", "src/deep/b.log"]],
  ["*.log\n!keep.log", ["a.log"]],
  ["!keep.log\n*.log", ["a.log", "keep.log"]],
  ["src", ["src/a.log", "src/deep/b.log", "src/main.js"]],
  ["src/\n!src/main.js", ["src/a.log", "src/deep/b.log"]],
  ["src/**", ["src/a.log", "src/deep/b.log", "src/main.js"]],
  ["src/*/b.log", ["src/deep/b.log"]],
  ["  ./node_modules/  \r\n", ["node_modules/x/index.js"]],
  ["?.log", ["a.log"]],
  ["[ab].log", ["a.log"]],
  [".git", [".git/HEAD"]],
  ["*\n!README.md", PATHS.filter((path) => path !== "README.md")],
  [String.raw`a\[1\].txt`, ["a[1].txt"]],
  ["src/../README.md", ["README.md"]],
])("%j keeps out what docker build keeps out", (text, expected) => {
  expect(PATHS.filter(dockerignore(text))).toEqual(expected);
});

test("a long line of stars is answered at once", () => {
  const ignored = dockerignore(`${"**/".repeat(20)}x`);
  expect(ignored(`${"a/".repeat(40)}y`)).toBe(false);
});

test("more patterns for more files than can be compared in a moment are refused", () => {
  const ignored = dockerignore("*a*a*a*b\n".repeat(2_000));
  const before = performance.now();
  expect(() => {
    for (let i = 0; i < 20_000; i++) ignored(`${"a".repeat(200)}/${i}`);
  }).toThrow(TooManyPatterns);
  expect(performance.now() - before).toBeLessThan(5_000);
});

test("a large context with the patterns of a large project is not", () => {
  const ignored = dockerignore("**/node_modules\n**/*.log\n.git\n*.md\ndist/**\n!README.md\n".repeat(5));
  const paths = Array.from({ length: 20_000 }, (_, i) => `packages/part-${i % 100}/src/feature/file-${i}.ts`);
  expect(paths.filter(ignored)).toEqual([]);
});
