import { randomUUID } from "node:crypto";
import { accessSync, constants, mkdirSync } from "node:fs";
import { readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { AgentError } from "../errors.ts";
import { PRIVATE_FOLDER, readIfThere, writeDurably } from "../platform/durable-file.ts";
import { reasonOf } from "../platform/log.ts";

/** The folder of the files of all stacks, and what stands in it beside the stacks' own folders. */
export interface StacksRoot {
  readonly path: string;
  /** What containers mount: `<digest>/<name>`. */
  readonly trees: string;
  /** What was written into each stack's own folder: `<project>.json`. */
  readonly sources: string;
  /** Why nothing can be written here; undefined when it can. */
  problem(): string | undefined;
  /** Makes the folders where they are missing. @throws AgentError WF_FILES_UNAVAILABLE */
  prepare(): Promise<void>;
  /** A path of its own on the same file system, where nothing is yet. */
  scratch(): string;
  /** Moves what people or containers may want back out of the way. @returns where it is now. */
  setAside(path: string, name: string): Promise<string>;
}

const OWNER = ".owner";
const KEPT_NAME_LENGTH = 100;

/** @param owner text that names the agent: two of them must not tidy up after one another. */
export function openStacksRoot(path: string, owner: string): StacksRoot {
  const trees = join(path, ".trees");
  const sources = join(path, ".sources");
  const scratch = join(path, ".new");
  const kept = join(path, ".kept");
  let prepared: Promise<void> | undefined;

  const claim = (): void => {
    // Files of stacks may be secrets: nobody but root comes past here, whatever their own modes are. What a container mounts it
    // reaches without this folder.
    mkdirSync(path, { recursive: true, mode: PRIVATE_FOLDER });
    accessSync(path, constants.W_OK);
    const other = readIfThere(join(path, OWNER))?.toString();
    if (other === undefined) writeDurably(join(path, OWNER), owner);
    else if (other !== owner)
      throw new Error(`it belongs to the agent with the state in ${other}; give this one its own --stacks-dir`);
  };
  const problem = (): string | undefined => {
    try {
      claim();
      return undefined;
    } catch (error) {
      return `the folder ${path} for the files of stacks cannot be used: ${reasonOf(error)}`;
    }
  };
  const prepare = async (): Promise<void> => {
    const wrong = problem();
    if (wrong !== undefined) throw new AgentError("WF_FILES_UNAVAILABLE", `${wrong}.`);
    for (const folder of [trees, sources, scratch, kept]) mkdirSync(folder, { recursive: true, mode: PRIVATE_FOLDER });
    // Left by an agent that was killed while it wrote.
    for (const name of await readdir(scratch)) await rm(join(scratch, name), { recursive: true, force: true });
  };
  return {
    path,
    trees,
    sources,
    problem,
    prepare: () => {
      prepared ??= prepare().catch((error: unknown) => {
        prepared = undefined;
        throw error;
      });
      return prepared;
    },
    scratch: () => join(scratch, randomUUID()),
    setAside: async (from, name) => {
      const at = new Date().toISOString().replace(/[:.]/g, "-");
      const to = join(
        kept,
        `${name.slice(0, KEPT_NAME_LENGTH).replaceAll("/", "_")}-${at}-${randomUUID().slice(0, 4)}`,
      );
      await rename(from, to);
      return to;
    },
  };
}
