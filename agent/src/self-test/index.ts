import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { reasonOf } from "../platform/log.ts";
import { CHECKS } from "./checks.ts";

export interface SelfTestResult {
  readonly name: string;
  /** What was seen, or why it failed. */
  readonly said: string;
  readonly passed: boolean;
  readonly milliseconds: number;
}

/** Under an emulator the slowest takes seconds; what takes longer hangs. */
const CHECK_TIMEOUT_MS = 60_000;

/** Tries what this program needs of this machine, with keys of its own, in a folder that is removed afterwards. */
export async function selfTest(): Promise<SelfTestResult[]> {
  const folder = mkdtempSync(join(tmpdir(), "windflow-self-test-"));
  // Where an executable unpacks its terminal's native half.
  process.env["WINDFLOW_STATE_DIR"] = folder;
  try {
    const results: SelfTestResult[] = [];
    for (const check of CHECKS) results.push(await resultOf(check.name, () => check.run(folder)));
    return results;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function resultOf(name: string, run: () => string | Promise<string>): Promise<SelfTestResult> {
  const began = performance.now();
  const done = (passed: boolean, said: string): SelfTestResult => ({
    name,
    said,
    passed,
    milliseconds: Math.round(performance.now() - began),
  });
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error("it does not come to an end")), CHECK_TIMEOUT_MS);
  });
  try {
    return done(true, await Promise.race([run(), late]));
  } catch (error) {
    return done(false, reasonOf(error));
  } finally {
    clearTimeout(timer);
  }
}

/** A line each, for people. */
export function formatSelfTest(results: readonly SelfTestResult[]): string {
  return results
    .map(
      ({ name, said, passed, milliseconds }) =>
        `${passed ? "ok    " : "FAILED"}  ${name}: ${said} (${milliseconds} ms)\n`,
    )
    .join("");
}
