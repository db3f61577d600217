import { type MapNode, mapItems, mapMembers, member, type Node, positionOf, stringOf, withMember } from "./node.ts";
import { type PathRules, pathRules, rulesFor } from "./path-rules.ts";
import { fail, type KeyPath } from "./problem.ts";
import { absolutePath } from "./workspace.ts";

export interface PathBase {
  /** The folder that relative paths of this file start from. */
  readonly folder: string;
  /** What `~` stands for; without it such a path stays as written. */
  readonly home: string | undefined;
}

type Resolve = (node: Node, base: PathBase, path: KeyPath) => Node;

const RESOLVERS: PathRules<Resolve> = pathRules<Resolve>({
  "services.*.build.context": contextPath,
  "services.*.build.additional_contexts.*": contextPath,
  "services.*.env_file.*.path": textPath,
  "services.*.label_file.*": textPath,
  "services.*.extends.file": textPath,
  "services.*.develop.watch.*.path": textPath,
  "services.*.volumes.*": mountPath,
  "configs.*.file": textPath,
  "secrets.*.file": textPath,
  "volumes.*": boundVolumePath,
});

/** Makes every relative path of a model absolute. */
export function resolvePaths(model: MapNode, base: PathBase): MapNode {
  const walked = walk(model, base, [], RESOLVERS);
  return walked.kind === "map" ? walked : model;
}

/** A path of the host made absolute: relative ones start from the folder, `~` from the home. */
export function resolvePath(path: string, { folder, home }: PathBase): string {
  if (path.startsWith("~")) return home === undefined ? path : absolutePath(home, `./${path.slice(1)}`);
  // An absolute path is left as it is written, and so is one of Windows.
  if (path.startsWith("/") || /^([a-zA-Z]:[\\/]|\\\\)/.test(path)) return path;
  return absolutePath(folder, path);
}

function walk(node: Node, base: PathBase, path: KeyPath, rules: PathRules<Resolve> | undefined): Node {
  if (rules === undefined) return node;
  const resolved = rules.rule === undefined ? node : rules.rule(node, base, path);
  if (resolved.kind === "map") {
    return mapMembers(resolved, (child, key) => walk(child, base, [...path, key], rulesFor(rules, key)));
  }
  if (resolved.kind === "seq") {
    return mapItems(resolved, (child, i) => walk(child, base, [...path, i], rulesFor(rules, i)));
  }
  return resolved;
}

function textPath(node: Node, base: PathBase): Node {
  const path = stringOf(node);
  return path === undefined ? node : ({ ...node, value: resolvePath(path, base) } as Node);
}

function contextPath(node: Node, base: PathBase): Node {
  const context = stringOf(node);
  if (context === undefined || context === "" || isRemoteContext(context) || context.startsWith("service:"))
    return node;
  // A folder of Windows is no folder of this machine, and so it counts as a relative path here, unlike in a mount.
  return context.startsWith("~") || context.startsWith("/")
    ? textPath(node, base)
    : ({ ...node, value: absolutePath(base.folder, context) } as Node);
}

/** Whether a build context is a URL, a Git repository or an image rather than a folder. */
export function isRemoteContext(context: string): boolean {
  return context.includes("://") || /^(github\.com\/|git@)/.test(context);
}

function mountPath(node: Node, base: PathBase, path: KeyPath): Node {
  if (node.kind !== "map" || stringOf(member(node, "type")) !== "bind") return node;
  const source = member(node, "source");
  if (source === undefined) {
    return fail("WF_COMPOSE_SYNTAX", positionOf(node), path, {
      what: "this bind mount has no source",
      why: "it would mount nothing",
      fix: "add source: the path on the host",
    });
  }
  return withMember(node, "source", textPath(source, base));
}

// A volume of the local driver with the option bind is a bind mount in disguise.
function boundVolumePath(node: Node, base: PathBase): Node {
  const options = member(node, "driver_opts");
  const device = member(options, "device");
  const bound = stringOf(member(node, "driver")) === "local" && stringOf(member(options, "o")) === "bind";
  if (node.kind !== "map" || options?.kind !== "map" || device === undefined || !bound) return node;
  return withMember(node, "driver_opts", withMember(options, "device", textPath(device, base)));
}
