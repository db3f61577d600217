import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { expect, test } from "vitest";
import { isAlive } from "./lock.ts";

test("a process that has ended and that nobody waited for is not alive", async () => {
  // The shell becomes `sleep`, which never waits for the child that it inherits.
  const parent = spawn("sh", ["-c", 'true & echo "$!"; exec sleep 60'], { stdio: ["ignore", "pipe", "ignore"] });
  try {
    const [line] = (await once(parent.stdout, "data")) as [Buffer];
    const orphan = Number(line.toString());
    await expect.poll(() => isAlive(orphan)).toBe(false);
    expect(existsSync(`/proc/${orphan}`)).toBe(true);
    expect(isAlive(parent.pid ?? 0)).toBe(true);
  } finally {
    parent.kill("SIGKILL");
    await once(parent, "exit");
  }
});
