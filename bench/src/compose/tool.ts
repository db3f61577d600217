// Asking the real docker compose what it makes of a stack.
import type { RenderInput } from "@windflow/control-plane";
import { testEnginePrograms } from "@windflow/e2e/testbed";
import { execFile } from "node:child_process";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { dirname, join, posix } from "node:path";
import { unescapeDollars } from "./dollars.ts";

/** A stack as both read it: paths are relative to its folder. */
export interface Stack {
  readonly files: Readonly<Record<string, string>>;
  readonly composeFiles: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly profiles: readonly string[];
}

export interface ToolAnswer {
  /** Undefined: refused. */
  readonly model: unknown;
  /** What it wrote about it. */
  readonly message: string;
}

const HOME = "/home/user";
// Some 50 ms on a quiet machine.
const ASK_TIMEOUT_MS = 60_000;
const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;

/** Path of the docker-compose program that the tests unpack. */
export async function composeTool(): Promise<string> {
  const { pluginFolder } = await testEnginePrograms();
  return join(pluginFolder, "docker-compose");
}

/** Writes the stack into the folder (emptied first) and asks for its model. */
export async function askTool(tool: string, stack: Stack, folder: string): Promise<ToolAnswer> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  for (const [name, text] of Object.entries(stack.files)) {
    const path = join(folder, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text);
  }
  const args = [
    ...stack.composeFiles.flatMap((file) => ["-f", file]),
    ...stack.profiles.flatMap((profile) => ["--profile", profile]),
    "--project-directory",
    folder,
    "config",
    "--format",
    "json",
  ];
  const env = { HOME, PATH: "/usr/bin:/bin", ...stack.environment };
  const options = { cwd: folder, env, timeout: ASK_TIMEOUT_MS, maxBuffer: MAX_OUTPUT_BYTES };
  return new Promise((resolve) => {
    execFile(tool, args, options, (error, stdout, stderr) => {
      resolve({ model: error === null ? unescapeDollars(JSON.parse(stdout)) : undefined, message: stderr });
    });
  });
}

/** The same question to the renderer. */
export function renderInputOf(stack: Stack, folder: string): RenderInput {
  return {
    projectName: undefined,
    workingDir: posix.resolve(folder),
    files: new Map(Object.entries(stack.files)),
    composeFiles: stack.composeFiles,
    environment: { HOME, PATH: "/usr/bin:/bin", ...stack.environment },
    profiles: stack.profiles,
  };
}
