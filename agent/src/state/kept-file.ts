import { join } from "node:path";
import { readIfThere, writeDurably } from "../platform/durable-file.ts";
import { isRecord } from "./json-record.ts";

const FILE = "kept.json";

/** A revision that ran here as it should, and that the host can go back to. */
export interface KeptRevision {
  readonly stackId: string;
  readonly stackName: string;
  readonly revision: number;
  readonly bodyDigest: string;
}

/** Root on the host wants this revision, whatever the control plane says. */
export interface LocalHold {
  readonly stackId: string;
  readonly stackName: string;
  readonly revision: number;
  readonly bodyDigest: string;
  /** Milliseconds since the epoch; tells one hold of a revision from the next. */
  readonly at: number;
}

export interface Kept {
  /** Of each stack the one that ran last first. */
  readonly revisions: readonly KeptRevision[];
  readonly holds: readonly LocalHold[];
}

/** Nothing when there is no file, or one that cannot be read: then the control plane alone says what runs. */
export function loadKept(folder: string): Kept {
  const content = readIfThere(join(folder, FILE));
  if (content === undefined) return { revisions: [], holds: [] };
  try {
    const value: unknown = JSON.parse(content.toString());
    if (!isRecord(value) || !Array.isArray(value["revisions"]) || !Array.isArray(value["holds"]))
      throw new TypeError("revisions or holds are missing");
    return {
      revisions: value["revisions"].filter(isRevision),
      holds: value["holds"].filter(
        (hold): hold is LocalHold => isRevision(hold) && isRecord(hold) && typeof hold["at"] === "number",
      ),
    };
  } catch {
    return { revisions: [], holds: [] };
  }
}

/** Durable when it returns. */
export function saveKept(folder: string, kept: Kept): void {
  writeDurably(join(folder, FILE), `${JSON.stringify(kept, null, 1)}\n`);
}

function isRevision(value: unknown): value is KeptRevision {
  return (
    isRecord(value) &&
    typeof value["stackId"] === "string" &&
    typeof value["stackName"] === "string" &&
    typeof value["revision"] === "number" &&
    typeof value["bodyDigest"] === "string"
  );
}
