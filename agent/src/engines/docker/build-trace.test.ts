import { expect, test } from "vitest";
import { createBuildTrace } from "./build-trace.ts";

const TIME = [10, 2, 8, 1];
const text = (field: number, value: string): number[] => {
  const bytes = [...Buffer.from(value)];
  return [field * 8 + 2, bytes.length, ...bytes];
};
const message = (field: number, bytes: readonly number[]): number[] => [field * 8 + 2, bytes.length, ...bytes];
const started = [42, ...TIME.slice(1)];
const completed = [50, ...TIME.slice(1)];
const vertex = (...parts: number[][]): number[] => message(1, parts.flat());
const log = (digest: string, output: string): number[] => message(3, [...text(1, digest), ...text(4, output)]);
const aux = (...parts: number[][]): string => Buffer.from(parts.flat()).toString("base64");

test("steps are numbered as they begin, and their output is cut into lines", () => {
  const trace = createBuildTrace();
  const first = [...text(1, "sha256:a"), ...text(3, "[1/2] FROM x")];
  const second = [...text(1, "sha256:b"), ...text(3, "[2/2] RUN make")];
  expect(trace.lines(aux(vertex(second), vertex(first)))).toEqual([]);
  expect(trace.lines(aux(vertex(first, started, completed, [32, 1]), vertex(second, started)))).toEqual([
    "#1 [1/2] FROM x",
    "#1 CACHED",
    "#2 [2/2] RUN make",
  ]);
  expect(trace.lines(aux(log("sha256:b", "one\ntwo")))).toEqual(["#2 one"]);
  expect(trace.lines(aux(log("sha256:b", " more\n")))).toEqual(["#2 two more"]);
  expect(trace.lines(aux(log("sha256:b", "no end"), vertex(second, completed, text(7, "exit code: 1"))))).toEqual([
    "#2 no end",
    "#2 ERROR: exit code: 1",
  ]);
  expect(trace.lines(aux(vertex(second, completed)))).toEqual([]);
  expect(trace.rest()).toEqual([]);
});

test("a message that is cut short or of another kind gives what can be read of it", () => {
  const trace = createBuildTrace();
  expect(trace.lines("")).toEqual([]);
  expect(trace.lines(Buffer.from([0x0a, 0x7f, 0x01]).toString("base64"))).toEqual([]);
  expect(trace.lines(aux(message(9, [1, 2, 3]), log("sha256:z", "hello\n")))).toEqual(["#1 hello"]);
});

test("a step that never ends its line does not fill the memory", () => {
  const trace = createBuildTrace();
  const piece = "x".repeat(100);
  const told: string[] = [];
  for (let i = 0; i < 1_000; i++) told.push(...trace.lines(aux(log("sha256:a", piece))));
  expect(told.length).toBeGreaterThan(0);
  for (const line of told) expect(line.length).toBeLessThan(20_000);
  const rest = trace.rest();
  expect([...told, ...rest].map((line) => line.slice("#1 ".length)).join("")).toBe(piece.repeat(1_000));
  expect(rest.join("").length).toBeLessThan(20_000);
});
