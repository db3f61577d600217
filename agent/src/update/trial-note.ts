import { join } from "node:path";
import { makePrivateFolder, readIfThere, removeIfThere, writeDurably } from "../platform/durable-file.ts";
import { isRecord } from "../state/json-record.ts";
import { updateFolder } from "./status-file.ts";

const FILE = "trial.json";

/** What an agent on trial leaves behind, so that the old one can say what went wrong with it. */
export interface TrialNote {
  readonly updateId: string;
  /** How often it was welcomed. */
  readonly sessions: number;
  /** Why the last session ended, or did not begin; empty while none was tried. */
  readonly problem: string;
  /** The control plane answered, and did not want it. */
  readonly refused: boolean;
}

/** undefined when the agent on trial did not come so far as to write one. */
export function loadTrialNote(stateDir: string, updateId: string): TrialNote | undefined {
  try {
    const value: unknown = JSON.parse(readIfThere(join(updateFolder(stateDir), FILE))?.toString() ?? "null");
    if (!isRecord(value) || value["updateId"] !== updateId) return undefined;
    const { sessions, problem, refused } = value;
    if (typeof sessions !== "number" || typeof problem !== "string") return undefined;
    return { updateId, sessions, problem, refused: refused === true };
  } catch {
    return undefined;
  }
}

export function saveTrialNote(stateDir: string, note: TrialNote | undefined): void {
  const folder = updateFolder(stateDir);
  makePrivateFolder(folder);
  if (note === undefined) removeIfThere(join(folder, FILE));
  else writeDurably(join(folder, FILE), `${JSON.stringify(note)}\n`);
}
