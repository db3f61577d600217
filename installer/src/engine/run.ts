import { execFile } from "node:child_process";

// The longest single command is the download of about 100 MB of packages over a slow line.
const COMMAND_TIMEOUT_MS = 20 * 60_000;
// apt's progress and `--print-uris` lists stay far below this.
const OUTPUT_LIMIT_BYTES = 32 * 1024 * 1024;
// Enough of a failed command's output to see the cause without flooding a terminal.
const QUOTED_ERROR_CHARACTERS = 2_000;
// apt's list of private settings says nothing to a person.
const QUOTED_COMMAND_CHARACTERS = 120;

export interface RunOptions {
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  timeoutMs?: number;
}

/** Runs a program to its end and gives its standard output; a non-zero exit rejects with the tail of what it said. */
export function run(program: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(
      program,
      [...args],
      {
        encoding: "utf8",
        timeout: options.timeoutMs ?? COMMAND_TIMEOUT_MS,
        maxBuffer: OUTPUT_LIMIT_BYTES,
        ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
        ...(options.env === undefined ? {} : { env: options.env }),
      },
      (error, stdout, stderr) => {
        if (error === null) return resolve(stdout);
        const said = `${stderr}${stdout}`.trim().slice(-QUOTED_ERROR_CHARACTERS);
        reject(new Error(`"${shown(program, args)}" failed: ${said === "" ? error.message : said}`, { cause: error }));
      },
    );
  });
}

function shown(program: string, args: readonly string[]): string {
  const line = [program, ...args].join(" ");
  return line.length <= QUOTED_COMMAND_CHARACTERS ? line : `${line.slice(0, QUOTED_COMMAND_CHARACTERS)} …`;
}

/** Whether a program runs and ends with exit code 0. */
export async function succeeds(program: string, args: readonly string[], options: RunOptions = {}): Promise<boolean> {
  try {
    await run(program, args, options);
    return true;
  } catch {
    return false;
  }
}
