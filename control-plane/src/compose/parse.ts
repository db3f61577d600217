import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  type Node as YamlNode,
  parseDocument,
  Scalar,
  type YAMLMap,
  type YAMLSeq,
} from "yaml";
import { MAX_DEPTH, MAX_NODES } from "./limits.ts";
import { map, type MapNode, type Node, scalar, type ScalarNode, seq } from "./node.ts";
import { fail, type KeyPath, type Position, type Problem } from "./problem.ts";
import { type Positions, readYaml } from "./yaml-documents.ts";
import { resolvePlainScalar } from "./yaml-scalar.ts";

export interface ParsedFile {
  /** The documents of the file, top to bottom; empty ones are left out. */
  readonly documents: readonly Node[];
  readonly problems: readonly Problem[];
}

/** Reads the YAML of one file into nodes that know their positions. Aliases and merge keys are expanded, `!reset` and `!override` are noted. */
export function parseComposeFile(file: string, text: string): ParsedFile {
  const { text: read, documents, positions, problems } = readYaml(file, text);
  if (problems.length > 0) return { documents: [], problems };
  return {
    documents: documents.flatMap(({ contents }) =>
      contents === null ? [] : [new Converter(read, positions).convert(contents as YamlNode, [])],
    ),
    problems: [],
  };
}

const ESCAPE = /\\([^])/g;
const MERGE_TAG = "tag:yaml.org,2002:merge";

class Converter {
  readonly #text: string;
  readonly #positions: Positions;
  readonly #anchors = new Map<string, Node>();
  #depth = 0;

  constructor(text: string, positions: Positions) {
    this.#text = text;
    this.#positions = positions;
  }

  convert(node: YamlNode, path: KeyPath): Node {
    const at = this.#positions.at(node.range?.[0] ?? 0);
    if (isAlias(node)) {
      return (
        this.#anchors.get(node.source) ??
        fail("WF_COMPOSE_YAML", at, path, {
          what: `the alias *${node.source} has no anchor`,
          why: `no &${node.source} stands before it in this document, or it lies inside its own anchor`,
          fix: `define &${node.source} above, or write the value out`,
        })
      );
    }
    if (this.#depth >= MAX_DEPTH) fail("WF_COMPOSE_LIMIT", at, path, nestedTooDeep());
    this.#depth += 1;
    const converted = this.#withDirective(this.#value(node, at, path), node);
    this.#depth -= 1;
    if (converted.size > MAX_NODES) {
      fail("WF_COMPOSE_LIMIT", at, path, {
        what: "the file is too large once its aliases are expanded",
        why: `it would have more than ${MAX_NODES} values`,
        fix: "use fewer aliases inside anchors",
      });
    }
    const { anchor } = node as Scalar | YAMLMap | YAMLSeq;
    if (anchor !== undefined) this.#anchors.set(anchor, converted);
    return converted;
  }

  #value(node: YamlNode, at: Position, path: KeyPath): Node {
    if (isMap(node)) return this.#map(node, at, path);
    if (isSeq(node)) {
      return seq(
        node.items.map((item, i) => (item === null ? scalar(null, at) : this.convert(item as YamlNode, [...path, i]))),
        at,
      );
    }
    return this.#scalar(node as Scalar, at, path);
  }

  #scalar(node: Scalar, at: Position, path: KeyPath): ScalarNode {
    if (node.type !== Scalar.QUOTE_DOUBLE || !node.range) return scalarNode(node, at, path);
    const written = this.#text.slice(node.range[0], node.range[1]);
    const escaped = [...written.matchAll(ESCAPE)].map(([, character]) => character);
    if (escaped.includes("/")) {
      fail("WF_COMPOSE_YAML", at, path, {
        what: "this text has an escape that is not known",
        why: "docker compose reads no \\/ between double quotes",
        fix: "write / without the backslash",
      });
    }
    if (!escaped.includes("'")) return scalarNode(node, at, path);
    // The library leaves the backslash of this one standing, where it cannot be told from one that was written.
    const mended = written.replaceAll(ESCAPE, (whole, character) => (character === "'" ? "'" : whole));
    return scalar(String(parseDocument(mended, { schema: "failsafe", logLevel: "silent" }).toJS()), at);
  }

  #map(node: YAMLMap, at: Position, path: KeyPath): MapNode {
    const own = new Map<string, Node>();
    const merged: Node[] = [];
    for (const { key, value } of node.items) {
      const keyNode = key as YamlNode | null;
      const keyAt = this.#positions.at(keyNode?.range?.[0] ?? node.range?.[0] ?? 0);
      const name = isScalar(keyNode) ? resolvedKey(keyNode, keyAt, path) : refuseKey(keyNode, keyAt, path);
      const below = [...path, name];
      const converted = value === null ? scalar(null, keyAt) : this.convert(value as YamlNode, below);
      if (name === "<<" && isScalar(keyNode) && (keyNode.type === Scalar.PLAIN || keyNode.tag === MERGE_TAG)) {
        const first = own.get(name) ?? merged[0];
        if (first !== undefined) defineTwice(name, keyAt, below, first.at);
        merged.push(converted);
        continue;
      }
      const earlier = own.get(name) ?? (name === "<<" ? merged[0] : undefined);
      if (earlier !== undefined) defineTwice(name, keyAt, below, earlier.keyAt ?? earlier.at);
      own.set(name, { ...converted, keyAt });
    }
    return map(merged.length === 0 ? own : withMergedKeys(own, merged, path), at);
  }

  #withDirective(converted: Node, node: YamlNode): Node {
    const { tag } = node as Scalar | YAMLMap | YAMLSeq;
    if (tag === "!reset") return { ...converted, directive: "reset" };
    return tag === "!override" ? { ...converted, directive: "override" } : converted;
  }
}

// Own keys win over merged ones, and an earlier merged map over a later one.
function withMergedKeys(
  own: ReadonlyMap<string, Node>,
  merged: readonly Node[],
  path: KeyPath,
): ReadonlyMap<string, Node> {
  const entries = new Map(own);
  for (const source of merged.flatMap((node) => (node.kind === "seq" ? node.items : [node]))) {
    if (source.kind !== "map") {
      fail("WF_COMPOSE_YAML", source.at, path, {
        what: "<< merges something that is not a map",
        why: "a merge key takes a map, an alias of a map, or a list of them",
        fix: "point it at an anchor of a map",
      });
    }
    for (const [key, member] of source.entries) if (!entries.has(key)) entries.set(key, member);
  }
  return entries;
}

function resolvedKey(node: Scalar, at: Position, path: KeyPath): string {
  const resolved = scalarNode(node, at, path);
  return resolved.type === "string" ? String(resolved.value) : refuseKey(node, at, path);
}

function refuseKey(node: YamlNode | null, at: Position, path: KeyPath): never {
  const shown = isScalar(node) ? String(node.source ?? node.value) : "";
  fail("WF_COMPOSE_YAML", at, path, {
    what: `the key ${shown === "" ? "here" : shown} is not text`,
    why: "YAML reads it as a number, a boolean, null or a collection",
    fix: shown === "" ? "write a text as the key" : `put it in quotes: "${shown}"`,
  });
}

function scalarNode(node: Scalar, at: Position, path: KeyPath): ScalarNode {
  const text = typeof node.value === "string" ? node.value : (node.source ?? "");
  const tag = node.tag?.replace("tag:yaml.org,2002:", "!!");
  if (tag === "!!binary") {
    return { ...scalar(Buffer.from(text, "base64").toString("utf8"), at) };
  }
  const typed = tag !== undefined && ["!!int", "!!float", "!!bool", "!!null", "!!timestamp"].includes(tag);
  const directive = tag === "!reset" || tag === "!override";
  const plain = node.type === Scalar.PLAIN || node.type === undefined;
  if (!typed && !(plain && (tag === undefined || directive))) return scalar(text, at);
  const resolved = { ...scalar(null, at), ...resolvePlainScalar(text) };
  if (typed && tag !== `!!${resolved.type}` && !(tag === "!!float" && resolved.type === "int")) {
    fail("WF_COMPOSE_YAML", at, path, {
      what: `"${text}" is not of the type ${tag}`,
      why: "the tag before the value asks for it",
      fix: "correct the value or remove the tag",
    });
  }
  return resolved;
}

function defineTwice(name: string, at: Position, path: KeyPath, earlier: Position): never {
  fail("WF_COMPOSE_YAML", at, path, {
    what: `the key "${name}" is defined twice`,
    why: `it is already defined at line ${earlier.line}, and only one can hold`,
    fix: "remove one of the two",
  });
}

function nestedTooDeep(): { what: string; why: string; fix: string } {
  return {
    what: "the file is nested too deeply",
    why: `values may lie at most ${MAX_DEPTH} levels deep`,
    fix: "flatten the structure",
  };
}
