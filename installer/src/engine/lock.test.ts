import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import type { Readable, Writable } from "node:stream";
import { expect, test } from "vitest";
import { isAlive } from "./lock.ts";

test("a process that has ended and that nobody waited for is not alive", async () => {
  // The shell becomes `sleep`, which never waits for the child that it inherits; before that it would wait for it itself.
  const line = 'exec 4<&3; { read -r _ <&4; } & echo "$!"; exec sleep 60';
  const parent = spawn("sh", ["-c", line], { stdio: ["ignore", "pipe", "ignore", "pipe"] });
  try {
    const [told] = (await once(parent.stdio[1] as Readable, "data")) as [Buffer];
    const orphan = Number(told.toString());
    const command = (): string => readFileSync(`/proc/${parent.pid}/comm`, "utf8").trim();
    await expect.poll(command).toBe("sleep");
    expect(isAlive(orphan)).toBe(true);
    (parent.stdio[3] as Writable).end("go\n");
    await expect.poll(() => isAlive(orphan)).toBe(false);
    expect(existsSync(`/proc/${orphan}`)).toBe(true);
    expect(isAlive(parent.pid ?? 0)).toBe(true);
  } finally {
    parent.kill("SIGKILL");
    await once(parent, "exit");
  }
});
