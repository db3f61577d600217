import type { ChildProcess } from "node:child_process";
import { createWriteStream } from "node:fs";

// A test reads the last lines of a program; a long-running one must not fill the memory.
const KEPT_CHARACTERS = 1_000_000;

/** What a child process has written so far. */
export interface Output {
  stdout(): string;
  /** Standard output and errors in the order in which they came. */
  all(): string;
}

/** Collects a child's output from now on, and copies it to a file when one is given. */
export function collect(child: ChildProcess, logFile?: string): Output {
  const log = logFile === undefined ? undefined : createWriteStream(logFile, { flags: "a" });
  let stdout = "";
  let all = "";
  const keep = (text: string): void => {
    all = (all + text).slice(-KEPT_CHARACTERS);
    log?.write(text);
  };
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    stdout = (stdout + text).slice(-KEPT_CHARACTERS);
    keep(text);
  });
  child.stderr?.setEncoding("utf8").on("data", keep);
  child.once("close", () => log?.end());
  return { stdout: () => stdout, all: () => all };
}
