import { describe, expect, test } from "vitest";
import { EnvFileError, parseEnvFile, parseRawEnvFile } from "./dotenv.ts";

function read(text: string, surroundings: Readonly<Record<string, string>> = {}): Record<string, string> {
  return Object.fromEntries(parseEnvFile(text, (name) => surroundings[name]));
}

test.each([
  ["A=1\nB = 2 \n", { A: "1", B: "2" }],
  ["export A=1\nB: yaml\n", { A: "1", B: "yaml" }],
  ["# c\n\nA=x # c\nB=x#y\n", { A: "x", B: "x#y" }],
  ['A=\'$B "q"\'\nB="q"\n', { A: '$B "q"', B: "q" }],
  ['A="a\\tb\\n\\"c\\" \\$x $$y"', { A: 'a\tb\n"c" $x $y' }],
  ['A="two\nlines"\nB=1', { A: "two\nlines", B: "1" }],
  ["A=1\nB=${A}2\nC=${N:-d}", { A: "1", B: "12", C: "d" }],
  ["\ufeffA=1\r\nB=2\r\n", { A: "1", B: "2" }],
  ["A=\nB=", { A: "", B: "" }],
])("%j", (text, expected) => {
  expect(read(text)).toEqual(expected);
});

test("a bare name takes its value from the surroundings, or is left out", () => {
  expect(read("A\nB\n", { A: "1" })).toEqual({ A: "1" });
});

test("what stands behind a closing quote, and a bare name that ends the file, is the value of no name, as for docker compose", () => {
  expect(read(`A="a"b`)).toEqual({ A: "a", "": "b" });
  expect(read("A=1\nB")).toEqual({ A: "1", "": "B" });
});

test("a backslash protects a quote and is dropped there, and stays before anything else", () => {
  expect(read(`A='it\\'s'\nB="a\\\\"\nC='a\\b'\nD="\\0101"`)).toEqual({ A: "it's", B: "a\\", C: "a\\b", D: "A" });
});

test("a byte order mark is no white space within a file", () => {
  expect(() => read("A=1\n\ufeffB=2")).toThrow("unexpected character");
});

test("the surroundings win while variables are put in, not for the value itself", () => {
  expect(read("A=file\nB=${A}", { A: "shell" })).toEqual({ A: "file", B: "shell" });
});

describe("refusals name the line", () => {
  test.each([
    ["A=1\nB C=2", 2],
    ["A=1\n\nB!=2", 3],
    ['A="x\n\nB=1', 1],
    ["A=1\nB=${x", 2],
  ])("%j", (text, line) => {
    try {
      read(text);
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(EnvFileError);
      expect((error as EnvFileError).line).toBe(line);
    }
  });
});

test("the raw format takes everything behind the first equals sign", () => {
  const found = parseRawEnvFile('A="q" # c\nB=$HOME\n# c\n  C=1=2\nD', (name) => (name === "D" ? "d" : undefined));
  expect(Object.fromEntries(found)).toEqual({ A: '"q" # c', B: "$HOME", C: "1=2", D: "d" });
});
