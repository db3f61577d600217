import { Progress } from "@windflow/proto/agent";
import { expect, test } from "vitest";
import { createProgressBoard } from "./progress.ts";

const progress = (more: Partial<Progress>): Progress =>
  Progress.fromPartial({
    stackId: "stk_1",
    revision: 2,
    service: "web",
    phase: "progress",
    step: "pull-image web:2",
    ...more,
  });
const pull = (currentBytes: bigint, totalBytes: bigint, layersDone = 0, layersTotal = 0): Progress["pull"] => ({
  image: "web:2",
  currentBytes,
  totalBytes,
  layersDone,
  layersTotal,
});

test("a pull is a share of bytes, or of layers while the bytes are not known, and ends with its step", () => {
  const board = createProgressBoard();
  board.note("hst_1", progress({ pull: pull(0n, 0n, 1, 4) }));
  expect(board.of("hst_1", "stk_1")?.pullPercent.get("web")).toBe(25);
  board.note("hst_1", progress({ pull: pull(333n, 1000n) }));
  expect(board.of("hst_1", "stk_1")).toMatchObject({ currentStep: "pull-image web:2" });
  expect(board.of("hst_1", "stk_1")?.pullPercent.get("web")).toBe(33);
  board.note("hst_1", progress({ phase: "done" }));
  expect(board.of("hst_1", "stk_1")?.pullPercent.size).toBe(0);
});

test("a new revision starts afresh, and a host that converged has nothing under way", () => {
  const board = createProgressBoard();
  board.note("hst_1", progress({ pull: pull(1n, 2n) }));
  board.note("hst_1", progress({ revision: 3, step: "", service: "db" }));
  expect(board.of("hst_1", "stk_1")).toEqual({ revision: 3, currentStep: "", pullPercent: new Map() });
  board.clear("hst_1", "stk_1");
  expect(board.of("hst_1", "stk_1")).toBeUndefined();
});

test("a host that invents stacks does not fill the memory", () => {
  const board = createProgressBoard();
  for (let i = 0; i < 1000; i++) board.note("hst_1", progress({ stackId: `stk_${i}` }));
  expect(board.of("hst_1", "stk_5")).toBeDefined();
  expect(board.of("hst_1", "stk_999")).toBeUndefined();
});
