import { readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";

export interface Import {
  /** As written. */
  specifier: string;
  /** Path relative to the root for a relative import, else undefined. */
  target: string | undefined;
  typeOnly: boolean;
}

// `import x, { y } from "z"`, `import "z"`, `export * from "z"`, `export { y } from "z"`, each with `type` or without.
const IMPORT =
  /^[ \t]*(?:import|export)\s+(type\s+)?(?:((?:[\w$]+\s*,\s*)?(?:\*(?:\s+as\s+[\w$]+)?|\{[^}]*\})|[\w$]+)\s+from\s+)?"([^"\n]+)"/gm;

/** The static imports and re-exports of one TypeScript file, as text says them. */
export function importsOf(root: string, path: string): Import[] {
  const text = readFileSync(join(root, path), "utf8");
  return [...text.matchAll(IMPORT)].map(([, typeWord, names = "", specifier = ""]) => ({
    specifier,
    target: specifier.startsWith(".") ? normalize(join(dirname(path), specifier)) : undefined,
    typeOnly: typeWord !== undefined || isAllTypes(names),
  }));
}

function isAllTypes(names: string): boolean {
  const inner = /^\{(.*)\}$/s.exec(names.trim())?.[1];
  if (inner === undefined) return false;
  const parts = inner
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
  return parts.length > 0 && parts.every((part) => part.startsWith("type "));
}
