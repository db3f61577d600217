// The rules of docs/architecture.md that no linter knows: what a domain may import, and that pure files stay pure through
// everything that they import.
import { importsOf } from "./imports.ts";
import { sourceFiles } from "./source-files.ts";

/** Domains of the control plane, low to high: a lower one never imports a higher one. */
export const DOMAIN_ORDER: readonly string[] = [
  "audit",
  "identity",
  "events",
  "secrets",
  "files",
  "registries",
  "hosts",
  "compose",
  // A stack says where it belongs, so what a placement is lies below it.
  "placement",
  // Whose hosts it is about is said by the same expressions.
  "windows",
  "links",
  // A revision is made of what was built before it.
  "builds",
  // Where hosts get images from that their engines cannot pull; a revision is pinned by it.
  "images",
  "stacks",
  "rollouts",
  "containers",
  "adoption",
  "drift",
  "metrics",
  "bundles",
  "updates",
  "status",
  "views",
];
const KNOWS_NO_DOMAIN = ["platform", "api"];
const PURE_FILE = /(^core\/src\/)|(\/(plan|plan-[a-z-]+|diff|model)\.ts$)/;
const PURE_PACKAGES = new Set(["diff", "yaml"]);
// Hashing is a pure function; it stands in one file.
const PURE_BUILTINS: Record<string, RegExp> = {
  "node:crypto": /^core\/src\/(digest|seal|session-auth)\//,
  "node:zlib": /^core\/src\/metrics\/packing\.ts$/,
};

interface Rule {
  (root: string, files: string[]): string[];
}

/** One sentence per fault; empty when the structure holds. */
export function findStructureFaults(root: string): string[] {
  const files = sourceFiles(root, /^(core|agent|control-plane|proto|installer)\/src\/.*\.ts$/).filter(
    (path) => !/\.test\.ts$|\/testing\.ts$|\/testing\/|\/gen\//.test(path),
  );
  return RULES.flatMap((rule) => rule(root, files));
}

const stayInsideThePackage: Rule = (root, files) =>
  files.flatMap((path) => {
    const owner = path.split("/")[0];
    return importsOf(root, path)
      .filter(({ target }) => target !== undefined && target.split("/")[0] !== owner)
      .map(({ specifier }) => `${path}: "${specifier}" leaves the package by a relative path.`);
  });

const keepTheOrderOfDomains: Rule = (root, files) =>
  files.flatMap((path) => {
    const from = domainOf(path);
    if (from === undefined) return [];
    return importsOf(root, path).flatMap(({ target }) => {
      const to = target === undefined ? undefined : domainOf(target);
      if (target === undefined || to === undefined || to === from) return [];
      if (KNOWS_NO_DOMAIN.includes(to)) return [];
      if (KNOWS_NO_DOMAIN.includes(from)) return [`${path}: ${from} knows no domain, but imports ${target}.`];
      if (from === "agents")
        return target.endsWith("/index.ts") ? [] : [`${path}: import ${to}/index.ts, not ${target}.`];
      if (to === "agents") return [`${path}: domains declare ports; they never import agents (${target}).`];
      if (DOMAIN_ORDER.indexOf(to) > DOMAIN_ORDER.indexOf(from))
        return [`${path}: ${from} is below ${to}, but imports ${target}.`];
      return target.endsWith("/index.ts") ? [] : [`${path}: import ${to}/index.ts, not ${target}.`];
    });
  });

const nameEveryDomain: Rule = (_root, files) =>
  [...new Set(files.map(domainOf))]
    .filter((name) => name !== undefined && ![...DOMAIN_ORDER, ...KNOWS_NO_DOMAIN, "agents"].includes(name))
    .map((name) => `control-plane/src/${name}: not in the order of domains (scripts/check/structure.ts).`);

const keepPureFilesPure: Rule = (root, files) => {
  const known = new Set(files);
  const verdicts = new Map<string, string | undefined>();
  const impurity = (path: string): string | undefined => {
    if (verdicts.has(path)) return verdicts.get(path);
    verdicts.set(path, undefined);
    for (const { specifier, target, typeOnly } of importsOf(root, path)) {
      if (typeOnly) continue;
      const reason =
        target === undefined ? outsideImpurity(path, specifier) : known.has(target) ? impurity(target) : undefined;
      if (reason !== undefined) {
        verdicts.set(path, target === undefined ? reason : `${target} → ${reason}`);
        return verdicts.get(path);
      }
    }
    return undefined;
  };
  return files
    .filter((path) => PURE_FILE.test(path))
    .flatMap((path) => {
      const reason = impurity(path);
      return reason === undefined ? [] : [`${path}: is pure, but imports a value from ${reason}.`];
    });
};

const RULES: Rule[] = [stayInsideThePackage, keepTheOrderOfDomains, nameEveryDomain, keepPureFilesPure];

function outsideImpurity(path: string, specifier: string): string | undefined {
  if (PURE_PACKAGES.has(specifier) || /^@windflow\/(core|proto)/.test(specifier)) return undefined;
  if (PURE_BUILTINS[specifier]?.test(path)) return undefined;
  return specifier;
}

function domainOf(path: string): string | undefined {
  return /^control-plane\/src\/([^/]+)\//.exec(path)?.[1];
}
