import { expect, test } from "vitest";
import { run } from "./compose-fuzz.ts";

// 120 processes of docker compose, some 60 ms each on a quiet machine.
const TIMEOUT_MS = 120_000;

test("made-up files are read as docker compose reads them", { timeout: TIMEOUT_MS }, async () => {
  const { generators } = await run(["--seed", "1", "--cases", "20"]);
  const wrong = Object.entries(generators).filter(
    ([, { outcomes }]) => outcomes.different + outcomes.refused + outcomes["wrongly accepted"] > 0,
  );
  expect(Object.keys(generators)).toEqual(["keys", "forms", "variables", "env-files", "yaml", "layers"]);
  expect(wrong).toEqual([]);
});
