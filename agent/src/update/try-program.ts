import { execFile } from "node:child_process";
import { open } from "node:fs/promises";
import { UpdateRefusal } from "./refusal.ts";
import type { Wanted } from "./wanted.ts";

/** On a small board with a slow card a program of 110 MB takes 10 s to begin. */
const TRY_TIMEOUT_MS = 60_000;
const MOST_OUTPUT_BYTES = 64 * 1024;
const VERSION_LINE = /^windflow-agent (?<version>\S+) \((?:commit (?<commit>[^,)]+))?/;
// e_machine of the ELF header, by Node's name of the processor.
const MACHINE: Readonly<Partial<Record<string, number>>> = { x64: 0x3e, arm64: 0xb7 };

/**
 * Runs a staged program to see that it can, and that it is what it is called.
 * @throws UpdateRefusal
 */
export async function tryProgram(program: string, wanted: Wanted, arch: string): Promise<void> {
  await checkMachine(program, arch);
  const version = await runIt(program, ["--version"]);
  if (version.failed) throw cannotRun(wanted, version.lastLine);
  const { version: named, commit } = VERSION_LINE.exec(version.output)?.groups ?? {};
  if (named !== wanted.version || (wanted.commit !== "" && commit !== undefined && commit !== wanted.commit))
    throw new UpdateRefusal(
      "WF_UPDATE_MISMATCH",
      `The release is called ${wanted.version} (commit ${wanted.commit || "not said"}), but its program says: ${version.output.split("\n")[0] ?? ""}. Put the release on the control plane again.`,
    );
  const selfTest = await runIt(program, ["self-test"]);
  if (selfTest.failed && !/unknown command/.test(selfTest.output)) throw cannotRun(wanted, selfTest.lastLine);
}

interface Ran {
  readonly failed: boolean;
  readonly output: string;
  readonly lastLine: string;
}

function runIt(program: string, args: readonly string[]): Promise<Ran> {
  // Nothing of this agent's own settings: it answers and ends.
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("WINDFLOW_")));
  const options = { env, timeout: TRY_TIMEOUT_MS, killSignal: "SIGKILL", maxBuffer: MOST_OUTPUT_BYTES } as const;
  return new Promise((resolve) => {
    execFile(program, args, options, (error, stdout, stderr) => {
      const output = `${stdout}${stderr}`;
      const lines = output.trim().split("\n");
      const reason =
        error === null
          ? ""
          : error.killed === true
            ? `it did not end within ${TRY_TIMEOUT_MS / 1000} s`
            : error.message;
      resolve({ failed: error !== null, output, lastLine: lines.at(-1) || reason });
    });
  });
}

function cannotRun({ version }: Wanted, lastLine: string): UpdateRefusal {
  return new UpdateRefusal(
    "WF_UPDATE_CANNOT_RUN",
    `The agent ${version} does not run on this host: ${lastLine}. The release needs another system (glibc 2.28 or newer), or is broken.`,
  );
}

async function checkMachine(program: string, arch: string): Promise<void> {
  const file = await open(program, "r");
  try {
    const header = Buffer.alloc(20);
    await file.read(header, 0, header.length, 0);
    if (header.subarray(0, 4).toString("latin1") !== "\u007FELF") return;
    if (header.readUInt16LE(18) === MACHINE[arch]) return;
  } finally {
    await file.close();
  }
  throw new UpdateRefusal(
    "WF_UPDATE_ARCHITECTURE",
    `The program that the release has for ${arch} is for another processor. Put the release on the control plane again.`,
  );
}
