import type { AgentConfig } from "../config.ts";
import { AgentError } from "../errors.ts";
import { readJournal } from "./journal.ts";
import { endOfLog, followLogFile, readLogFiles } from "./log-files.ts";
import { type LogLine, formatLogLine } from "./log-line.ts";
import { parseSince } from "./since.ts";
import { findLogFile } from "./where.ts";

const DEFAULT_LINES = 100;
const MOST_LINES = 100_000;

/** As texts from the command line. */
export interface ShowOptions {
  readonly lines?: string | undefined;
  readonly since?: string | undefined;
  readonly follow?: boolean | undefined;
  /** The lines as they were written, for programs. */
  readonly json?: boolean | undefined;
}

/**
 * Prints the agent's log, from its own files or from the journal, whether or not it runs.
 * @throws AgentError WF_CONFIG_INVALID, WF_LOG_MISSING
 */
export async function showLogs(
  config: AgentConfig,
  options: ShowOptions,
  output: { readonly write: (text: string) => void; readonly now: number; readonly signal: AbortSignal },
): Promise<void> {
  const { signal } = output;
  const wanted = {
    lines: countOf(options.lines),
    sinceMs: options.since === undefined ? undefined : parseSince(options.since, output.now),
  };
  const print = (line: LogLine): void => output.write(`${options.json === true ? line.text : formatLogLine(line)}\n`);
  const file = findLogFile(config);
  if (file === undefined) {
    for await (const line of readJournal(wanted, { follow: options.follow === true, signal })) print(line);
    return;
  }
  const end = endOfLog(file);
  for (const line of readLogFiles(file, end, wanted)) print(line);
  if (options.follow !== true) return;
  for await (const line of followLogFile(file, end, signal)) print(line);
}

function countOf(text: string | undefined): number {
  const count = text === undefined ? DEFAULT_LINES : Number(text);
  if (Number.isInteger(count) && count >= 0 && count <= MOST_LINES) return count;
  throw new AgentError("WF_CONFIG_INVALID", `"${text}" is no number of lines from 0 to ${MOST_LINES}.`);
}
