import { existsSync } from "node:fs";
import { lstat, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../platform/clock.ts";
import { removeIfThere, writeDurably } from "../platform/durable-file.ts";
import { type Log, reasonOf } from "../platform/log.ts";
import { type FilesEvent, type TellFiles, writtenPath } from "./events.ts";
import { type Locked, createLocks } from "./locks.ts";
import { type Placed, changeOf, placeAtomically, readPlaced, writePlaced } from "./placed-tree.ts";
import type { StacksRoot } from "./stacks-root.ts";
import type { Tree } from "./tree.ts";
import { type OpenContent, writeTree } from "./write-tree.ts";

/** A tree that a service of a stack mounts. */
export interface MountedTree {
  readonly tree: Tree;
  readonly stackId: string;
  readonly project: string;
  /** Some service may write to it: what it wrote stays for as long as the revision's own files there stay the same. */
  readonly writable: boolean;
  readonly openContent: OpenContent;
}

/** Trees that containers mount, each in a folder named by its digest. */
export interface Trees {
  pathOf(tree: Tree): string;
  isThere(tree: Tree): boolean;
  /** Makes it, or makes it anew when it is not what the revision has. @throws AgentError WF_FILES_UNAVAILABLE, WF_FILES_NO_ROOM */
  ensure(mounted: MountedTree): Promise<void>;
  /**
   * As {@link ensure} for one that should be there already, at most once in a while: whoever changes it all the time wins.
   * @returns whether it had to be made anew.
   */
  mend(mounted: MountedTree): Promise<boolean>;
  /** Removes every other one, but for those at or below which `isMounted` says that a container mounts. */
  keepOnly(wanted: () => ReadonlySet<string>, isMounted: (folder: string) => boolean): Promise<void>;
}

const RECORD = "about.json";
// In a tree that another revision took the place of while containers had it: going back to it is to give the revision's own bytes,
// and not what was written there since.
const LEFT = "left";
// Containers are restarted after a mend; more often than this, the remedy would be worse.
const MEND_PAUSE_MS = 600_000;

export function createTrees(parts: {
  readonly root: StacksRoot;
  readonly clock: Clock;
  readonly log: Log;
  readonly tell: TellFiles;
}): Trees {
  const { root, clock, tell } = parts;
  const locked: Locked = createLocks();
  const mended = new Map<string, number>();
  const folderOf = (digest: string): string => join(root.trees, digest);
  const pathOf = (tree: Tree): string => join(folderOf(tree.digest), tree.base);

  const whyAnew = async ({ tree, writable }: MountedTree): Promise<string | undefined> => {
    const place = pathOf(tree);
    if (!existsSync(join(folderOf(tree.digest), RECORD))) return "is missing";
    if (!writable || existsSync(join(folderOf(tree.digest), LEFT)))
      return changeOf(place, tree.entries, join(folderOf(tree.digest), RECORD));
    return (await lstat(place).catch(() => undefined)) === undefined ? "is missing" : undefined;
  };
  const ensureOne = async (mounted: MountedTree, isExpected: boolean): Promise<boolean> => {
    const { tree, stackId, project } = mounted;
    const folder = folderOf(tree.digest);
    const wasLeft = existsSync(join(folder, LEFT));
    const why = await whyAnew(mounted);
    if (why === undefined) {
      if (wasLeft) removeIfThere(join(folder, LEFT));
      return false;
    }
    const wasThere = isExpected || existsSync(folder);
    const kept = existsSync(pathOf(tree)) ? await root.setAside(folder, nameOf(project, tree.source)) : undefined;
    if (kept === undefined) await rm(folder, { recursive: true, force: true });
    await placeAtomically(root.scratch(), folder, async (scratch) => {
      await writeTree(join(scratch, tree.base), tree.entries, mounted.openContent);
      writePlaced(join(scratch, RECORD), { stackId, project, source: tree.source, entries: tree.entries });
    });
    if (!wasThere) return false;
    if (wasLeft && kept !== undefined) {
      tell(keptEvent(mounted.stackId, project, tree.source, kept));
      return true;
    }
    const left = kept === undefined ? "" : ` What was there is kept in ${kept} until you remove it.`;
    const what = why.startsWith("it ") ? why.slice("it ".length) : why;
    tell({
      type: "files.mended",
      stackId,
      path: pathOf(tree),
      message: `${writtenPath(tree.source)} of ${project} was changed or removed on the host (${what}), and is again as the revision has it.${left}`,
    });
    return true;
  };
  const ensure = async (mounted: MountedTree, isExpected: boolean): Promise<boolean> => {
    await root.prepare();
    return locked(mounted.tree.digest, () => ensureOne(mounted, isExpected));
  };
  const remove = async (digest: string): Promise<void> => {
    const folder = folderOf(digest);
    const record = join(folder, RECORD);
    const placed = readPlaced(record);
    const changed = placed && (await changeOf(join(folder, baseOf(placed)), placed.entries, record));
    if (placed === undefined || changed === undefined || changed === "it is missing")
      return rm(folder, { recursive: true, force: true });
    const kept = await root.setAside(folder, nameOf(placed.project, placed.source));
    tell(keptEvent(placed.stackId, placed.project, placed.source, kept));
  };
  const leave = (folder: string): void => {
    const mark = join(folder, LEFT);
    if (!existsSync(mark)) writeDurably(mark, "");
  };

  return {
    pathOf,
    isThere: (tree) => existsSync(pathOf(tree)),
    ensure: async (mounted) => void (await ensure(mounted, false)),
    mend: async (mounted) => {
      const { digest } = mounted.tree;
      const now = clock.now();
      if (now - (mended.get(digest) ?? -Infinity) < MEND_PAUSE_MS) return false;
      const wasMended = await ensure(mounted, true);
      if (wasMended) mended.set(digest, now);
      return wasMended;
    },
    keepOnly: async (wanted, isMounted) => {
      for (const name of existsSync(root.trees) ? await readdir(root.trees) : []) {
        if (wanted().has(name)) {
          // The very containers that it was made for are wanted again.
          if (isMounted(folderOf(name))) removeIfThere(join(folderOf(name), LEFT));
          continue;
        }
        if (isMounted(folderOf(name))) {
          leave(folderOf(name));
          continue;
        }
        await locked(name, async () => {
          // Wanted again while others were removed.
          if (!wanted().has(name)) await remove(name);
        }).catch((error: unknown) =>
          parts.log("warn", "Files that nobody mounts could not be removed.", {
            path: folderOf(name),
            reason: reasonOf(error),
          }),
        );
      }
    },
  };
}

function keptEvent(stackId: string, project: string, source: string, path: string): FilesEvent {
  return {
    type: "files.kept",
    stackId,
    path,
    message: `The containers of ${project} changed ${writtenPath(source)}, and another revision took its place. What they left is kept in ${path} until you remove it.`,
  };
}

function baseOf({ source }: Placed): string {
  return source === "" ? "files" : (source.split("/").at(-1) ?? "files");
}

function nameOf(project: string, source: string): string {
  return source === "" ? project : `${project}-${source}`;
}
