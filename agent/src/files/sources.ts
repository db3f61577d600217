import { existsSync } from "node:fs";
import { readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { canonicalJson, sha256Hex } from "@windflow/core";
import { readIfThere, removeIfThere, syncFolder, writeDurably } from "../platform/durable-file.ts";
import type { TellFiles } from "./events.ts";
import type { StackEntry } from "./manifest.ts";
import { changeOf, placeAtomically, readPlaced, writePlaced } from "./placed-tree.ts";
import type { StacksRoot } from "./stacks-root.ts";
import { type OpenContent, writeTree } from "./write-tree.ts";

/** The source of a stack as a person wrote it. */
export interface StackSource {
  readonly stackId: string;
  readonly project: string;
  /** All of it; the first is the folder itself. Empty when the source does not travel. */
  readonly entries: readonly StackEntry[];
  readonly openContent: OpenContent;
}

/** The folder of each stack, in which `docker compose` finds what runs. No container mounts anything of it. */
export interface Sources {
  isCurrent(source: StackSource): boolean;
  /** Brings the folder to the revision. @throws AgentError WF_FILES_UNAVAILABLE, WF_FILES_NO_ROOM */
  settle(source: StackSource): Promise<void>;
  /** Removes the folders of every other project. */
  keepOnly(projects: ReadonlySet<string>): Promise<void>;
}

const RECORD = ".json";
const BEFORE = ".before";

export function createSources(parts: { readonly root: StacksRoot; readonly tell: TellFiles }): Sources {
  const { root, tell } = parts;
  const settled = new Map<string, string>();
  const placeOf = (project: string): string => join(root.path, project);
  const recordOf = (project: string): string => join(root.sources, project + RECORD);
  const beforeOf = (project: string): string => join(root.sources, project + BEFORE);

  // Killed between the record and the folder, the folder is still the one of the record before.
  const isOurs = async (project: string): Promise<boolean> => {
    for (const record of [recordOf(project), beforeOf(project)]) {
      const placed = readPlaced(record);
      if (placed && (await changeOf(placeOf(project), placed.entries)) === undefined) return true;
    }
    return false;
  };
  /** @returns what may be removed now. */
  const clear = async (project: string, stackId: string): Promise<string | undefined> => {
    const place = placeOf(project);
    if (!existsSync(place)) return undefined;
    if (await isOurs(project)) {
      const away = root.scratch();
      await rename(place, away);
      return away;
    }
    const kept = await root.setAside(place, project);
    tell({
      type: "files.kept",
      stackId,
      path: kept,
      message: `The folder ${place} was changed by hand. It is kept in ${kept} until you remove it.`,
    });
    return undefined;
  };
  const discard = async (...paths: readonly (string | undefined)[]): Promise<void> => {
    for (const path of paths) if (path !== undefined) await rm(path, { recursive: true, force: true });
  };
  const write = async (source: StackSource): Promise<void> => {
    const { project, stackId, entries } = source;
    const scratch = root.scratch();
    const whole = `${scratch}-whole`;
    await placeAtomically(scratch, whole, (folder) => writeTree(join(folder, project), entries, source.openContent));
    const before = readIfThere(recordOf(project));
    if (before !== undefined) writeDurably(beforeOf(project), before);
    writePlaced(recordOf(project), { stackId, project, source: "", entries });
    const old = await clear(project, stackId);
    await rename(join(whole, project), placeOf(project));
    syncFolder(root.path);
    await discard(old, whole);
  };
  const isCurrent = (source: StackSource): boolean =>
    settled.get(source.project) === digestOf(source) && existsSync(placeOf(source.project));

  return {
    isCurrent,
    settle: async (source) => {
      if (source.entries.length === 0 || isCurrent(source)) return;
      await root.prepare();
      const { project } = source;
      const change = await changeOf(placeOf(project), source.entries);
      if (change !== undefined || !existsSync(recordOf(project))) await write(source);
      settled.set(project, digestOf(source));
    },
    keepOnly: async (projects) => {
      if (!existsSync(root.sources)) return;
      const names = (await readdir(root.sources)).filter((name) => name.endsWith(RECORD));
      for (const project of names.map((name) => name.slice(0, -RECORD.length))) {
        if (projects.has(project)) continue;
        await root.prepare();
        await discard(await clear(project, readPlaced(recordOf(project))?.stackId ?? ""));
        settled.delete(project);
        removeIfThere(recordOf(project));
        removeIfThere(beforeOf(project));
      }
    },
  };
}

function digestOf({ entries }: StackSource): string {
  return sha256Hex(canonicalJson(entries.map((entry) => Object.values(entry))));
}
