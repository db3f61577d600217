import { expect, test } from "vitest";
import { run } from "./ingest.ts";

test("every figure of five hosts is there once, in few bytes", async () => {
  const result = await run(["--small"]);
  // Ten minutes of 90 figures each 5 s: of five hosts, then of two, three and five.
  expect(result).toMatchObject({ bench: "ingest", hosts: 5, figures: 15 * 120 * 90, samplesOfFirstHost: 4 * 120 });
  // 30 chunks in pages of 8 kB, with the empty tables of the hours to come.
  const { bytesPerFigure } = result as { bytesPerFigure: number };
  expect(bytesPerFigure).toBeLessThan(7);
});
