import { expect, test } from "vitest";
import { dockerignore } from "./dockerignore.ts";

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
