import { posix } from "node:path";
import type { TravellingFile } from "../files/index.ts";
import type { StackSource } from "./model.ts";
import { textFile } from "./source-files.ts";

/**
 * The `.env` with which `docker compose` in the stack's folder sees what the control plane saw: the project's name, the compose files, the
 * profiles and the variables that are not secret. Undefined when the source has one of its own: nobody but its author changes that.
 */
export function environmentFile(
  source: StackSource,
  more: {
    readonly stackName: string;
    readonly composeFiles: readonly string[];
    readonly workingDirectory: string;
  },
): TravellingFile | undefined {
  const path = ".env";
  if (Object.hasOwn(source.files, path) || source.attachments.some((file) => file.path === path)) return undefined;
  const settings = new Map([
    ["COMPOSE_PROJECT_NAME", more.stackName],
    ["COMPOSE_FILE", more.composeFiles.join(":")],
    ...(source.profiles.length > 0 ? ([["COMPOSE_PROFILES", source.profiles.join(",")]] as const) : []),
    ...source.variables.filter(({ secret }) => !secret).map(({ name, value }) => [name, value] as const),
  ]);
  const lines = [...settings].map(([name, value]) => `${name}=${quoted(value)}\n`);
  return textFile(posix.join(more.workingDirectory, path), lines.join(""));
}

/** A value as an env file gives it back: literally in single quotes, where nothing in it means something there. */
function quoted(value: string): string {
  if (/^[A-Za-z0-9_./:,@%+-]*$/.test(value)) return value;
  if (!/['\\]/.test(value)) return `'${value}'`;
  const escaped = value
    .replaceAll(/["\\$]/g, String.raw`\$&`)
    .replaceAll("\n", String.raw`\n`)
    .replaceAll("\r", String.raw`\r`);
  return `"${escaped}"`;
}
