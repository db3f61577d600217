import { dirname } from "node:path";
import type { DesiredStack, DesiredWorld, ObservedContainer } from "@windflow/core";
import { COMPOSE_LABEL } from "@windflow/core";
import type { Clock } from "../platform/clock.ts";
import { type Log, reasonOf } from "../platform/log.ts";
import { type TellFiles, writtenPath } from "./events.ts";
import type { Manifest } from "./manifest.ts";
import { mountedTrees, ownDevice, ownSources, writableSources } from "./own-mounts.ts";
import { type Need } from "./room.ts";
import { createSources } from "./sources.ts";
import { belowFolder } from "./stack-paths.ts";
import { openStacksRoot } from "./stacks-root.ts";
import { sourceTree } from "./tree.ts";
import { type MountedTree, createTrees } from "./trees.ts";
import type { OpenContent } from "./write-tree.ts";

/** The files of one revision: what is where, and how to read it. */
export interface RevisionFiles {
  readonly manifest: Manifest;
  readonly openContent: OpenContent;
}

/** Files of stacks as they stand on the host: what containers mount, and the folders in which `docker compose` finds them. */
export interface StackFolders {
  /**
   * Where the stack's own files that a service mounts stand, by the source in the model; made or mended first.
   * @throws AgentError WF_FILES_UNAVAILABLE, WF_FILES_NO_ROOM
   */
  binds(stack: DesiredStack, service: string): Promise<Readonly<Record<string, string>>>;
  /** Why the files of the stack cannot be used here; undefined when they can. Cheap. */
  problem(stack: DesiredStack): string | undefined;
  /** What a revision will take on disk beside what stands there. */
  needs(stack: DesiredStack, files: RevisionFiles): Need;
  /**
   * Brings the folders to what is desired, mends what was removed or changed by hand, and removes what no stack and no container needs.
   * @param containers undefined while the engine cannot be asked: nothing is removed then.
   */
  settle(world: DesiredWorld, containers: readonly ObservedContainer[] | undefined): Promise<void>;
}

export interface StackFoldersParts {
  readonly path: string;
  /** Names the agent that owns the folder. */
  readonly owner: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly tell: TellFiles;
  /** @throws AgentError WF_BODY_INVALID when the body is damaged on disk. */
  filesOf(stack: DesiredStack): RevisionFiles;
  /** False while the host refuses the stack or lacks its files: nothing of it is put on disk then. */
  isReady(stack: DesiredStack): boolean;
  /** The desired state as it is now. */
  desired(): DesiredWorld | undefined;
  /** Files that these running containers mount were made anew: they see the old ones until they start again. */
  onMended(containerIds: readonly string[]): void;
}

export function createStackFolders(parts: StackFoldersParts): StackFolders {
  const { log, tell } = parts;
  const root = openStacksRoot(parts.path, parts.owner);
  const trees = createTrees({ root, clock: parts.clock, log, tell });
  const sources = createSources({ root, tell });

  const treesOf = (stack: DesiredStack, files: RevisionFiles = parts.filesOf(stack)): Map<string, MountedTree> => {
    const writable = writableSources(stack);
    const { stackId, project } = stack;
    return new Map(
      [...mountedTrees(files.manifest, stack)].map(([source, tree]) => [
        source,
        { tree, stackId, project, writable: writable.has(source), openContent: files.openContent },
      ]),
    );
  };
  const sourceOf = (stack: DesiredStack, files: RevisionFiles): Parameters<typeof sources.settle>[0] => ({
    stackId: stack.stackId,
    project: stack.project,
    entries: sourceTree(files.manifest),
    openContent: files.openContent,
  });
  const wantedTrees = (): ReadonlySet<string> =>
    new Set((parts.desired()?.stacks ?? []).flatMap((stack) => Object.values(stack.trees ?? {})));

  const settleStack = async (stack: DesiredStack, containers: readonly ObservedContainer[]): Promise<void> => {
    const files = parts.filesOf(stack);
    await sources.settle(sourceOf(stack, files));
    for (const mounted of treesOf(stack, files).values()) {
      const folder = dirname(trees.pathOf(mounted.tree));
      const users = containers.filter((container) => mounts(container, folder));
      // Before its first container it is made; without a container nothing is to be mended.
      if (users.length === 0 || !(await trees.mend(mounted))) continue;
      const running = users.filter(({ state }) => state === "running").map(({ id }) => id);
      if (running.length > 0) parts.onMended(running);
    }
  };

  return {
    binds: async (stack, service) => {
      const used = new Set((stack.model.services[service]?.volumes ?? []).map(({ source }) => source));
      const places: Record<string, string> = {};
      if (!ownSources(stack).some((source) => used.has(source))) return places;
      const mounted = treesOf(stack);
      for (const source of ownSources(stack).filter((own) => used.has(own))) {
        const tree = mounted.get(source);
        if (tree === undefined) throw new Error(absence(source, stack));
        await trees.ensure(tree);
        places[source] = trees.pathOf(tree.tree);
      }
      return places;
    },
    problem: (stack) => {
      const volume = ownDevice(stack);
      if (volume !== undefined)
        return `the device of the volume ${volume} is a folder of the stack itself: mount the folder in the service instead`;
      const sourcesOfStack = ownSources(stack);
      const absent = sourcesOfStack.find((source) => stack.trees?.[source] === undefined);
      if (absent !== undefined) return absence(absent, stack);
      return sourcesOfStack.length === 0 ? undefined : root.problem();
    },
    needs: (stack, files) => {
      const source = sourceOf(stack, files);
      const written = sources.isCurrent(source) ? 0 : source.entries.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
      const missing = [...treesOf(stack, files).values()].filter(({ tree }) => !trees.isThere(tree));
      return { folder: root.path, bytes: missing.reduce((sum, { tree }) => sum + tree.sizeBytes, written) };
    },
    settle: async (world, containers) => {
      for (const stack of world.stacks.filter((one) => parts.isReady(one)))
        await settleStack(stack, containers ?? []).catch((error: unknown) =>
          log("warn", "The files of a stack could not be put in order.", {
            stackId: stack.stackId,
            reason: reasonOf(error),
          }),
        );
      if (containers === undefined) return;
      await trees.keepOnly(wantedTrees, (folder) => containers.some((container) => mounts(container, folder)));
      const inUse = containers.flatMap(({ labels }) => labels[COMPOSE_LABEL.project] ?? []);
      await sources.keepOnly(new Set([...world.stacks.map(({ project }) => project), ...inUse]));
    },
  };
}

function absence(source: string, stack: DesiredStack): string {
  const path = writtenPath(belowFolder(source, stack.workingDirectory) ?? "");
  return `it mounts ${path}, and the revision has no file or folder there: attach it to the stack`;
}

function mounts(container: ObservedContainer, folder: string): boolean {
  return container.mounts.some(({ source }) => source !== undefined && source.startsWith(`${folder}/`));
}
