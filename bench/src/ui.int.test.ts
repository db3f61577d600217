import { expect, test } from "vitest";
import { run } from "./ui.ts";

// Two browsers start, one after the other, while others use the machine.
const TIMEOUT_MS = 180_000;

test(
  "however many hosts there are, the document stays small, and so does the first load",
  { timeout: TIMEOUT_MS },
  async () => {
    const result = (await run(["--small"])) as {
      firstLoadKb: number;
      rows: number;
      logElementsGrown: number;
      sizes: { elements: number; mapKb: number; hosts: number }[];
    };
    expect(result).toMatchObject({ bench: "ui", hosts: 1_200, logLines: 5_000 });
    expect(result.firstLoadKb).toBeGreaterThan(50);
    expect(result.firstLoadKb).toBeLessThanOrEqual(300);
    expect(result.rows).toBeLessThanOrEqual(200);
    expect(result.logElementsGrown).toBeLessThanOrEqual(200);
    for (const { elements, mapKb, hosts } of result.sizes) {
      expect(elements).toBeLessThanOrEqual(3_000);
      // A host is its id, its name and three small columns.
      expect(mapKb * 1024).toBeLessThanOrEqual(hosts * 130 + 2_048);
    }
  },
);
