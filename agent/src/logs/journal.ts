import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { AgentError } from "../errors.ts";
import type { Wanted } from "./log-files.ts";
import { type LogLine, parseLogLine } from "./log-line.ts";

/** As installed. */
const UNIT = "windflow-agent";

/**
 * What systemd's journal has of the agent, oldest first; goes on with what comes when it is to follow.
 * @throws AgentError WF_LOG_MISSING when there is no journal, or it may not be read.
 */
export async function* readJournal(
  { lines, sinceMs }: Wanted,
  { follow, signal }: { readonly follow: boolean; readonly signal: AbortSignal },
): AsyncGenerator<LogLine> {
  const since = sinceMs === undefined ? [] : ["--since", `@${Math.floor(sinceMs / 1000)}`];
  const args = ["--unit", UNIT, "--output", "cat", "--quiet", "--lines", String(lines), ...since];
  const journal = spawn("journalctl", follow ? [...args, "--follow"] : args, { stdio: ["ignore", "pipe", "pipe"] });
  let trouble = "";
  journal.stderr.on("data", (bytes: Buffer) => (trouble = (trouble + bytes.toString()).slice(-1_000)));
  const ended = once(journal, "close").then(
    ([code]) => (code === 0 || signal.aborted ? undefined : trouble.trim() || `journalctl ended with ${String(code)}`),
    () => "there is no journalctl on this host",
  );
  const stop = (): void => void journal.kill();
  signal.addEventListener("abort", stop, { once: true });
  try {
    for await (const line of createInterface({ input: journal.stdout })) yield parseLogLine(line);
    const problem = await ended;
    if (problem !== undefined) throw missing(problem);
  } finally {
    signal.removeEventListener("abort", stop);
    stop();
  }
}

function missing(problem: string): AgentError {
  return new AgentError(
    "WF_LOG_MISSING",
    `There is no log to show: ${problem}. Run this as root; where the agent was started by hand, give its --log-file or --state-dir; in a container, ask the engine ("docker logs").`,
  );
}
