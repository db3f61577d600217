import type { DesiredStack } from "@windflow/core";
import { AgentError } from "../errors.ts";
import { type Manifest, STACK_PLACEHOLDER } from "./manifest.ts";
import { belowFolder } from "./stack-paths.ts";
import { type Tree, treeOf } from "./tree.ts";

type Mounting = Pick<DesiredStack, "stackId" | "stackName" | "model" | "workingDirectory">;

// Each one is a tree of its own on disk. People mount some files of a stack, never this many.
const MAX_MOUNTS = 1_000;
// Of all trees of a stack together: a host is not to be kept busy with one stack's files.
const MAX_MOUNTED_ENTRIES = 200_000;

/** Sources of bind mounts that are the stack's own files. */
export function ownSources({ model, workingDirectory }: Pick<Mounting, "model" | "workingDirectory">): string[] {
  return [...new Set(bindSources(model, () => true))].filter(
    (source) => belowFolder(source, workingDirectory) !== undefined,
  );
}

/**
 * The first volume that is a bind mount of the stack's own files in disguise: a container would write to the folder that the agent
 * puts in order as root.
 */
export function ownDevice({
  model,
  workingDirectory,
}: Pick<Mounting, "model" | "workingDirectory">): string | undefined {
  const [found] = Object.entries(model.volumes ?? {}).find(([, volume]) => {
    const device = volume.driver_opts?.["device"];
    if (device === undefined) return false;
    return [workingDirectory, STACK_PLACEHOLDER].some((folder) => belowFolder(device, folder) !== undefined);
  }) ?? [undefined];
  return found;
}

/** Sources that some service may write to. */
export function writableSources({ model }: Pick<Mounting, "model">): ReadonlySet<string> {
  return new Set(bindSources(model, (readOnly) => !readOnly));
}

/**
 * The tree of each bind mount of the stack's own files, by its source; without those that the revision has nothing for.
 * @throws AgentError WF_BODY_INVALID when there is more to mount than a host can be asked for.
 */
export function mountedTrees(manifest: Manifest, stack: Mounting): Map<string, Tree> {
  const sources = ownSources(stack);
  const fail = (what: string): never => {
    throw new AgentError("WF_BODY_INVALID", `The mounts of ${stack.stackName} are refused: ${what}.`);
  };
  if (sources.length > MAX_MOUNTS)
    fail(`${sources.length} of its own files are mounted, and ${MAX_MOUNTS} are allowed`);
  const trees = new Map<string, Tree>();
  let entries = 0;
  for (const source of sources) {
    const tree = treeOf(manifest, stack.stackId, belowFolder(source, stack.workingDirectory) ?? "");
    if (tree === undefined) continue;
    entries += tree.entries.length;
    if (entries > MAX_MOUNTED_ENTRIES) fail(`they show more than ${MAX_MOUNTED_ENTRIES} files and folders`);
    trees.set(source, tree);
  }
  return trees;
}

function bindSources(model: DesiredStack["model"], wanted: (readOnly: boolean) => boolean): string[] {
  return Object.values(model.services)
    .flatMap((service) => service.volumes ?? [])
    .flatMap(({ type, source, read_only: readOnly = false }) =>
      type === "bind" && source !== undefined && wanted(readOnly) ? [source] : [],
    );
}
