import { type ChildProcess, spawn } from "node:child_process";
import { createWriteStream } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { succeeds } from "../engine/run.ts";

// What is kept of a program's output for the message when it fails; all of it is in the log file.
const KEPT_CHARACTERS = 200_000;
// A program that has not ended this long after SIGTERM is broken; it is killed and the caller told.
const STOP_TIMEOUT_MS = 30_000;

/** A started program of the project. */
export interface Program {
  readonly pid: number;
  /** The newest output, standard output and errors together. */
  output(): string;
  /** Resolves with what its end was: "exit code 0", "signal SIGKILL", … */
  readonly ended: Promise<string>;
  /** Waits for a line that matches and gives the match; rejects when the program ends first or the time is over. */
  waitFor(pattern: RegExp, timeoutMs: number): Promise<RegExpExecArray>;
  /** SIGTERM, then waits for the end. */
  stop(): Promise<void>;
  /** SIGKILL, then waits for the end. */
  kill(): Promise<void>;
}

export interface ProgramOptions {
  env: NodeJS.ProcessEnv;
  cwd: string;
  /** All output is appended to this file. */
  logFile: string;
}

/** The process that signals have to reach. */
export interface Signalled {
  readonly pid?: number | undefined;
  kill(signal: NodeJS.Signals): unknown;
}

/** The command line that runs a TypeScript entry of the checkout with the project's own Node, and flags that the program has of its own. */
export function nodeCommand(
  root: string,
  entry: string,
  args: readonly string[],
  ownFlags: readonly string[] = [],
): string[] {
  const flags = [...ownFlags, "--conditions=@windflow/source", "--disable-warning=ExperimentalWarning"];
  return [process.execPath, ...flags, join(root, entry), ...args];
}

/**
 * Prefix for a command that must not outlive this process, whatever ends it: the kernel sends it SIGTERM then. Empty where
 * util-linux' setpriv is missing.
 */
export async function boundToThisProcess(): Promise<string[]> {
  const prefix = ["setpriv", "--pdeathsig", "TERM"];
  return (await succeeds("setpriv", [...prefix.slice(1), "true"])) ? prefix : [];
}

/** Starts a command in a process group of its own, so that Ctrl-C in the terminal reaches it only through stop(). */
export function startProgram(command: readonly string[], options: ProgramOptions): Program {
  const [program = "", ...args] = command;
  const child = spawn(program, args, {
    cwd: options.cwd,
    env: options.env,
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  return watchProgram(child, options.logFile);
}

/** The same for a child that was started elsewhere with piped output; `signalled` where the child only stands for it. */
export function watchProgram(child: ChildProcess, logFile: string, signalled: Signalled = child): Program {
  const log = createWriteStream(logFile, { flags: "a" });
  let output = "";
  let end: string | undefined;
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (text: string) => {
      output = (output + text).slice(-KEPT_CHARACTERS);
      log.write(text);
    });
  }
  const ended = new Promise<string>((resolve) => {
    child.once("error", (error) => resolve((end ??= error.message)));
    child.once("close", (code, signal) => {
      log.end();
      resolve((end ??= signal === null ? `exit code ${code}` : `signal ${signal}`));
    });
  });
  const signal = async (name: NodeJS.Signals): Promise<void> => {
    if (end === undefined) signalled.kill(name);
    const late = await Promise.race([ended, sleep(STOP_TIMEOUT_MS, "late", { ref: false })]);
    if (late !== "late") return;
    signalled.kill("SIGKILL");
    throw new Error(
      `Process ${signalled.pid} did not end within ${STOP_TIMEOUT_MS / 1000} s after ${name}; see ${logFile}`,
    );
  };
  return {
    pid: signalled.pid ?? 0,
    output: () => output,
    ended,
    stop: () => signal("SIGTERM"),
    kill: () => signal("SIGKILL"),
    waitFor: (pattern, timeoutMs) =>
      new Promise((resolve, reject) => {
        const finish = (act: () => void): void => {
          clearTimeout(timer);
          child.stdout?.off("data", look);
          child.stderr?.off("data", look);
          act();
        };
        const look = (): void => {
          const match = pattern.exec(output);
          if (match !== null) finish(() => resolve(match));
        };
        const fail = (why: string): void =>
          finish(() =>
            reject(new Error(`${why}; its output ends with:\n${output.slice(-3000)}\n(all of it: ${logFile})`)),
          );
        const timer = setTimeout(() => fail(`It said nothing like ${pattern} within ${timeoutMs / 1000} s`), timeoutMs);
        child.stdout?.on("data", look);
        child.stderr?.on("data", look);
        void ended.then((how) => fail(`It ended (${how})`)).catch(reject);
        look();
      }),
  };
}
