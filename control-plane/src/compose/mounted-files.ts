import { posix } from "node:path";
import type { ComposeModel, ComposeServiceVolume } from "@windflow/core";
import { errorAt, type Explanation, type KeyPath, type Position, type Problem, warningAt } from "./problem.ts";
import type { SourceTree } from "./source-tree.ts";

export interface MountedFilesInput {
  readonly model: ComposeModel;
  /** The folder that the stack's relative paths were resolved against; each host puts its own in its place. */
  readonly workingDir: string;
  readonly tree: SourceTree;
  readonly locate: (path: KeyPath) => Position;
}

/** Mounts of the stack's own files, for which the files have to be there; and what hosts cannot mount at all. */
export function checkMountedFiles(input: MountedFilesInput): Problem[] {
  return Object.entries(input.model.services).flatMap(([name, service]) =>
    (service.volumes ?? []).flatMap((mount, i) => checkMount(name, mount, i, input)),
  );
}

function checkMount(
  name: string,
  mount: ComposeServiceVolume,
  index: number,
  { model, workingDir, tree, locate }: MountedFilesInput,
): Problem[] {
  const path = ["services", name, "volumes", index];
  const refuse = (explanation: Explanation): Problem[] => [
    errorAt("WF_COMPOSE_UNDEPLOYABLE", locate(path), path, explanation),
  ];
  const device = mount.type === "volume" ? model.volumes?.[mount.source ?? ""]?.driver_opts?.["device"] : undefined;
  const source = mount.type === "bind" ? mount.source : device;
  if (source === undefined) return [];
  const what = `the service "${name}" mounts ${source}, which is on no host`;
  if (source.startsWith("~")) {
    return refuse({
      what,
      why: "a host has no home folder for stacks",
      fix: "mount an absolute path of the host, a named volume, or files of the stack",
    });
  }
  if (!isBelow(source, workingDir)) return [];
  const relative = relativePath(source, workingDir);
  if (device !== undefined) {
    return refuse({
      what,
      why: "the files of a stack are kept apart for each of its versions, and a volume would stay with one of them",
      fix: `mount ${relative} directly in place of the volume ${mount.source ?? ""}`,
    });
  }
  const link = tree.linkIn(source);
  if (link !== undefined) {
    return refuse({
      what: `the service "${name}" mounts ${source} through the link ${relativePath(link, workingDir)}`,
      why: "a mount of a link would be a mount of whatever the link points to on the host",
      fix: `mount ${relativePath(tree.follow(source) ?? source, workingDir)} itself`,
    });
  }
  if (tree.kindOf(source) === undefined) {
    return refuse({
      what,
      why: "a relative path means a file or folder beside the compose file, and the stack has none of that name",
      fix: `add the ${looksLikeFile(source) ? "file" : "folder"} ${relative} to the stack, or use a named volume`,
    });
  }
  if (mount.read_only === true) return [];
  return [
    warningAt("WF_COMPOSE_WRITABLE_FILES", locate(path), path, {
      what: `what the service "${name}" writes to ${mount.target} stays with this version of the stack's files`,
      why: `${relative} is a part of the stack; a revision with other files begins with those`,
      fix: "add :ro when the service only reads it; use a named volume for what it has to keep",
    }),
  ];
}

/** The same path as people write it in a compose file. */
export function relativePath(path: string, workingDir: string): string {
  return path === workingDir ? "." : `./${posix.relative(workingDir, path)}`;
}

export function isBelow(path: string, folder: string): boolean {
  return path === folder || path.startsWith(`${folder}/`);
}

function looksLikeFile(path: string): boolean {
  return posix.extname(path) !== "";
}
