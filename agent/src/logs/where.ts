import { existsSync } from "node:fs";
import { join } from "node:path";
import type { AgentConfig } from "../config.ts";

const FILE_NAME = "agent.log";

/** The file that an agent with this configuration writes, beside standard output; undefined where the journal keeps that. */
export function ownLogFile(
  { logFile, stateDir }: Pick<AgentConfig, "logFile" | "stateDir">,
  environment: NodeJS.ProcessEnv,
): string | undefined {
  if (logFile !== undefined) return logFile;
  // Set by systemd for what it writes into the journal.
  return environment["JOURNAL_STREAM"] === undefined ? join(stateDir, FILE_NAME) : undefined;
}

/** The file in which an agent with this configuration has left its log; undefined when there is none, and the journal is to be asked. */
export function findLogFile({ logFile, stateDir }: Pick<AgentConfig, "logFile" | "stateDir">): string | undefined {
  return [logFile, join(stateDir, FILE_NAME)].find((path) => path !== undefined && existsSync(path));
}
