import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { shellTools } from "@windflow/e2e/testbed";
import { expect, test } from "vitest";

const INSTALLER = join(import.meta.dirname, "../../../installer");
const run = promisify(execFile);

// The first time the packages are fetched.
test(
  "scripts for hosts are clean to shellcheck, and are read by dash and by busybox",
  { timeout: 120_000 },
  async () => {
    const { shellcheck, busybox } = await shellTools();
    for (const name of ["install.sh", "launch.sh"]) {
      const script = join(INSTALLER, name);
      await expect(run(shellcheck, ["--shell=sh", "--severity=info", script])).resolves.toMatchObject({ stdout: "" });
      await expect(run(busybox, ["sh", "-n", script])).resolves.toMatchObject({ stderr: "" });
      await expect(run("/bin/sh", ["-n", script])).resolves.toMatchObject({ stderr: "" });
    }
  },
);

test("the installer says each of its options in its help, and takes each that it says", async () => {
  const script = await readFile(join(INSTALLER, "install.sh"), "utf8");
  const help = script.slice(script.indexOf("<<'TEXT'"), script.indexOf("\nTEXT\n"));
  const said = new Set([...help.matchAll(/^ {2}(--[a-z0-9-]+)/gm)].map((match) => match[1]));
  const taken = new Set([...script.matchAll(/^ +(--[a-z0-9-]+)\) [a-z0-9_]+=/gm)].map((match) => match[1]));
  expect(said).toEqual(taken);
});
