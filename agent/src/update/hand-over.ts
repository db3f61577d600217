import { join } from "node:path";
import { HANDING_OVER, type Installation } from "./slots.ts";

/** As long as a service manager gives an agent that is stopped. What is cut off then, the next one goes on with. */
const STOP_TIMEOUT_MS = 30_000;

/**
 * Stops this agent and begins the launcher anew, in the place of this process, so that whoever started it sees nothing of it. Where
 * the launcher waits already, this process ends. Does not return.
 * @param release gives the state folder up.
 */
export async function leaveTo(
  installation: Installation,
  stop: () => Promise<void>,
  release: () => void,
): Promise<never> {
  const late = new Promise<void>((resolve) => void setTimeout(resolve, STOP_TIMEOUT_MS).unref());
  await Promise.race([stop().catch(() => undefined), late]);
  release();
  if (installation.launcherWaits) process.exit(HANDING_OVER);
  // The launcher takes the arguments of the agent, as it gave them.
  const launcher = join(installation.folder, "launch");
  process.execve?.(launcher, [launcher, ...process.argv.slice(2)], environment());
  // Whoever keeps the service running starts the launcher again.
  process.exit(HANDING_OVER);
}

function environment(): Record<string, string> {
  const own = new Set(["WINDFLOW_SLOT", "WINDFLOW_SLOTS", "WINDFLOW_LAUNCHER"]);
  const entries = Object.entries(process.env).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return Object.fromEntries(entries.filter(([name]) => !own.has(name)));
}
