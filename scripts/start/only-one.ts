import { isAlive } from "@windflow/installer";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** Refuses a second start on the same state, which would fight over database, ports and engine. Gives the release. */
export async function claimState(stateFolder: string): Promise<() => Promise<void>> {
  // The embedded database runs as another user, who has to pass through.
  await mkdir(stateFolder, { recursive: true, mode: 0o711 });
  const file = join(stateFolder, "start.pid");
  const owner = await aliveOwner(stateFolder);
  if (owner !== undefined) {
    throw new Error(
      `It runs already on this state (process ${owner}). Stop that one first (Ctrl-C, or: kill ${owner}).`,
    );
  }
  await writeFile(file, String(process.pid));
  return () => rm(file, { force: true });
}

/** Process id of the start that holds the state now. */
export async function aliveOwner(stateFolder: string): Promise<number | undefined> {
  const pid = Number(await readFile(join(stateFolder, "start.pid"), "utf8").catch(() => ""));
  if (!(pid > 0) || pid === process.pid || !isAlive(pid)) return undefined;
  const command = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
  return command.includes("scripts/start.ts") ? pid : undefined;
}
