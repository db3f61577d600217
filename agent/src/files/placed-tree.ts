import { statSync } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { AgentError } from "../errors.ts";
import { PRIVATE_FOLDER, readIfThere, syncFolder, writeDurably } from "../platform/durable-file.ts";
import { reasonOf } from "../platform/log.ts";
import { treeDifference } from "./compare-tree.ts";
import type { StackEntry } from "./manifest.ts";

/** What was written to a place, kept beside it, so that a change by a container or by hand can be told. */
export interface Placed {
  readonly stackId: string;
  readonly project: string;
  /** Path below the stack's folder; empty for the folder itself. */
  readonly source: string;
  readonly entries: readonly StackEntry[];
}

/** undefined when there is none, or it cannot be read. */
export function readPlaced(path: string): Placed | undefined {
  const text = readIfThere(path)?.toString();
  if (text === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return isPlaced(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

export function writePlaced(path: string, placed: Placed): void {
  writeDurably(path, JSON.stringify(placed));
}

/**
 * How the place differs from what was written there; undefined when it does not.
 * @param record written in one act with the place: what was not touched since then is not read. Without it everything is.
 */
export async function changeOf(
  place: string,
  entries: readonly StackEntry[],
  record?: string,
): Promise<string | undefined> {
  try {
    return await treeDifference(place, entries, record === undefined ? 0 : statSync(record).ctimeMs);
  } catch (error) {
    // Whoever changes it right now changes it.
    return `cannot be compared: ${reasonOf(error)}`;
  }
}

/** Builds in a scratch folder and moves the whole to its place in one act: it is there whole or not at all. */
export async function placeAtomically(
  scratch: string,
  place: string,
  build: (folder: string) => Promise<void>,
): Promise<void> {
  try {
    await mkdir(scratch, { mode: PRIVATE_FOLDER });
    await build(scratch);
    syncFolder(scratch);
    await rename(scratch, place);
    syncFolder(dirname(place));
  } catch (error) {
    await rm(scratch, { recursive: true, force: true });
    if (!(error instanceof Error && "code" in error && (error.code === "ENOSPC" || error.code === "EDQUOT")))
      throw error;
    throw new AgentError(
      "WF_FILES_NO_ROOM",
      `There is no room for the files of the stack in ${dirname(place)}: make room on its file system.`,
      {
        cause: error,
      },
    );
  }
}

function isPlaced(value: unknown): value is Placed {
  if (typeof value !== "object" || value === null) return false;
  const { stackId, project, source, entries }: Partial<Record<keyof Placed, unknown>> = { ...value };
  return (
    typeof stackId === "string" && typeof project === "string" && typeof source === "string" && Array.isArray(entries)
  );
}
