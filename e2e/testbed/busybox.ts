import { execFile } from "node:child_process";
import { mkdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { serverTree } from "./server-tree.ts";

const run = promisify(execFile);

/** A folder with every command of busybox under its own name, `sh` among them, and nothing else: a PATH of a small system. */
export async function busyboxFolder(): Promise<string> {
  const { folder } = await serverTree("busybox-static", (apt) => apt.downloadMissing(["busybox-static"]));
  const commands = join(folder, "commands");
  if ((await stat(join(commands, "sh")).catch(() => undefined)) !== undefined) return commands;
  await mkdir(commands, { recursive: true });
  const places = ["bin/busybox", "usr/bin/busybox"].map((path) => join(folder, path));
  for (const place of places)
    if ((await stat(place).catch(() => undefined)) !== undefined) await run(place, ["--install", "-s", commands]);
  return commands;
}
