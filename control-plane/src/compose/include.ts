import { isNull, type MapNode, map, member, type Node, positionOf, stringOf, withEntries, withMember } from "./node.ts";
import { fail, type KeyPath, type Position } from "./problem.ts";
import { textOf } from "./yaml-scalar.ts";

/** One entry of `include`, as written. */
export interface IncludeEntry {
  /** The first is the file, the others lie over it. */
  readonly paths: readonly string[];
  readonly projectDirectory: string | undefined;
  readonly envFiles: readonly string[];
  readonly at: Position;
  readonly keyPath: KeyPath;
}

const SECTIONS = ["services", "volumes", "networks", "secrets", "configs", "models"] as const;

/** Replaces `include` by the models it names. What both define must be equal. */
export function applyIncludes(model: MapNode, load: (entry: IncludeEntry) => MapNode): MapNode {
  const clause = member(model, "include");
  if (clause === undefined) return model;
  let merged = withMember(model, "include", undefined);
  for (const entry of readEntries(clause)) merged = importModel(merged, load(entry), entry);
  return merged;
}

function readEntries(clause: Node): IncludeEntry[] {
  if (isNull(clause)) return [];
  if (clause.kind !== "seq") return refuse(clause, ["include"], "a list of files");
  return clause.items.map((item, i) => {
    const keyPath = ["include", i];
    const short = stringOf(item);
    if (short !== undefined) {
      return { paths: [short], projectDirectory: undefined, envFiles: [], at: item.at, keyPath };
    }
    if (item.kind !== "map") return refuse(item, keyPath, "a path or a map");
    return {
      paths: texts(member(item, "path"), [...keyPath, "path"]),
      projectDirectory: plainText(member(item, "project_directory"), [...keyPath, "project_directory"]),
      envFiles: texts(member(item, "env_file"), [...keyPath, "env_file"]),
      at: positionOf(member(item, "path") ?? item),
      keyPath,
    };
  });
}

function plainText(node: Node | undefined, path: KeyPath): string | undefined {
  if (node === undefined || isNull(node)) return undefined;
  const written = node.kind === "scalar" && (node.type === "string" || node.type === "int") ? textOf(node) : undefined;
  return (written ?? refuse(node, path, "text")) || undefined;
}

function texts(node: Node | undefined, path: KeyPath): string[] {
  if (node === undefined || isNull(node)) return [];
  const items = node.kind === "seq" ? node.items : [node];
  return items.map((item) => stringOf(item) ?? refuse(item, path, "text"));
}

function importModel(model: MapNode, imported: MapNode, entry: IncludeEntry): MapNode {
  let merged = model;
  for (const section of SECTIONS) {
    const from = member(imported, section);
    if (from?.kind !== "map") continue;
    const own = member(merged, section);
    const place = own?.kind === "map" ? own : map(new Map(), from.at);
    const entries = new Map(place.entries);
    for (const [name, resource] of from.entries) {
      const known = entries.get(name);
      if (known !== undefined && !equal(known, resource)) conflict(section, name, known, entry);
      if (known === undefined) entries.set(name, resource);
    }
    merged = withMember(merged, section, withEntries(place, entries));
  }
  return merged;
}

function conflict(section: string, name: string, known: Node, entry: IncludeEntry): never {
  fail("WF_COMPOSE_CONFLICT", positionOf(known), [section, name], {
    what: `${section}.${name} is also defined by the included ${entry.paths[0] ?? "file"}`,
    why: "an included definition cannot be changed in place, and the two differ",
    fix: "rename one, or put the changes into a second file of the same include entry",
  });
}

function equal(a: Node, b: Node): boolean {
  if (a === b) return true;
  if (a.kind === "scalar") return b.kind === "scalar" && a.type === b.type && a.value === b.value;
  if (a.kind === "seq") {
    return (
      b.kind === "seq" &&
      a.items.length === b.items.length &&
      a.items.every((item, i) => equal(item, b.items[i] ?? item))
    );
  }
  return (
    b.kind === "map" &&
    a.entries.size === b.entries.size &&
    [...a.entries].every(([key, child]) => {
      const other = b.entries.get(key);
      return other !== undefined && equal(child, other);
    })
  );
}

function refuse(node: Node, path: KeyPath, wanted: string): never {
  fail("WF_COMPOSE_INCLUDE", positionOf(node), path, {
    what: `include takes ${wanted} here`,
    why: "it names the files to include",
    fix: `write ${wanted}`,
  });
}
