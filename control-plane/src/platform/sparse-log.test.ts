import { expect, test } from "vitest";
import { createLog } from "./log.ts";
import { createSparseLog } from "./sparse-log.ts";

test("a flood becomes one line, and one more with the number of those that were held back", () => {
  const lines: string[] = [];
  const sparse = createSparseLog(
    createLog({ level: "info", destination: { write: (line: string) => lines.push(line) } }),
  );
  for (let number = 0; number < 1_000; number++)
    sparse.warn("A call was refused.", "WF_X", { remoteAddress: "10.0.0.1" });
  sparse.warn("A call was refused.", "WF_Y");
  sparse.stop();
  const told = lines.map((line) => JSON.parse(line) as { reason: string; count?: number; remoteAddress?: string });
  expect(told).toMatchObject([
    { reason: "WF_X", remoteAddress: "10.0.0.1" },
    { reason: "WF_Y" },
    { reason: "WF_X", count: 999 },
  ]);
  expect(told).toHaveLength(3);
});
