import { toLongForms } from "./canonical.ts";
import { checkObjects } from "./checks.ts";
import { fillDefaults } from "./defaults.ts";
import { parseEnvText, resolveOwnEnvironment } from "./environment.ts";
import { applyExtends, type ExtendedFile } from "./extends.ts";
import { applyIncludes, type IncludeEntry } from "./include.ts";
import { interpolate } from "./interpolate.ts";
import { MAX_LAYERED_NODES } from "./limits.ts";
import { mergeModels } from "./merge.ts";
import { type MapNode, map, mapItems, member, type Node, stringOf, withMember } from "./node.ts";
import { resolvePath, resolvePaths } from "./paths.ts";
import { fail, type KeyPath, type Position, warningAt } from "./problem.ts";
import type { Reporter } from "./reporter.ts";
import { applyResets, extractResets, type ResetPaths } from "./reset.ts";
import { checkSchema } from "./schema.ts";
import { makeUnique } from "./unique.ts";
import { absolutePath, folderOf, type Workspace, type WorkspaceFile } from "./workspace.ts";

/** What one rendering shares among all its files. */
export interface Loading {
  readonly workspace: Workspace;
  readonly reporter: Reporter;
  readonly home: string | undefined;
  readonly spent: { characters: number; nodes: number; ports: number };
  readonly warned: Set<string>;
}

/** Where the files of one project (the main one or an included one) look things up. */
export interface Scope {
  /** Start of relative paths in the model. */
  readonly folder: string;
  readonly environment: ReadonlyMap<string, string>;
  /** Files whose include led here, outermost first. */
  readonly including: readonly string[];
}

/** Loads compose files over one another into one model in long form, with absolute paths. */
export function loadModel(paths: readonly string[], scope: Scope, loading: Loading, at: Position): MapNode {
  let model = map(new Map(), at);
  for (const path of paths) {
    const file = readFile(path, loading, at, []);
    for (const document of documentsOf(file, loading)) {
      model = layDocument(model, document, file, scope, loading);
    }
  }
  model = fillDefaults(model);
  checkObjects(model, loading.reporter.report);
  loading.reporter.stopOnErrors();
  return resolveOwnEnvironment(resolvePaths(model, { folder: scope.folder, home: loading.home }), scope.environment);
}

function layDocument(model: MapNode, raw: Node, file: WorkspaceFile, scope: Scope, loading: Loading): MapNode {
  const { document, resets } = prepare(raw, file, scope, loading);
  const extended = applyExtends(document, file.path, resets, {
    load: (path, at, keyPath) => loadExtended(path, scope, loading, at, keyPath),
  });
  const included = applyIncludes(extended, (entry) =>
    loadIncluded(entry, { ...scope, including: [...scope.including, file.path] }, loading),
  );
  const merged = makeUnique(mergeModels(applyResets(model, resets), included));
  spendNodes(merged, loading);
  checkSchema(merged, loading.reporter.report);
  loading.reporter.stopOnErrors();
  return canonical(withoutVersion(merged, loading), loading);
}

function spendNodes(layered: MapNode, { spent }: Loading): void {
  spent.nodes += layered.size;
  if (spent.nodes <= MAX_LAYERED_NODES) return;
  fail("WF_COMPOSE_LIMIT", layered.at, [], {
    what: "too many documents or files are laid over each other",
    why: `together their models would have more than ${MAX_LAYERED_NODES} values`,
    fix: "put what belongs together into one document",
  });
}

/** An extended file: in long form, but with its own extends, unchecked until it is part of the whole. */
function loadExtended(path: string, scope: Scope, loading: Loading, at: Position, keyPath: KeyPath): ExtendedFile {
  const file = readFile(resolvePath(path, { folder: scope.folder, home: loading.home }), loading, at, keyPath);
  let model = map(new Map(), at);
  let lastResets: ResetPaths = [];
  for (const raw of documentsOf(file, loading)) {
    const { document, resets } = prepare(raw, file, scope, loading);
    model = canonical(makeUnique(mergeModels(applyResets(model, resets), document)), loading);
    spendNodes(model, loading);
    lastResets = resets;
  }
  const resolved = resolvePaths(model, { folder: folderOf(file.path), home: loading.home });
  return { path: file.name, services: member(resolved, "services"), resets: lastResets };
}

function loadIncluded(entry: IncludeEntry, scope: Scope, loading: Loading): MapNode {
  const base = { folder: scope.folder, home: loading.home };
  const paths = entry.paths.map((path) => resolvePath(path, base));
  const [main] = paths;
  // An entry that names nothing includes nothing.
  if (main === undefined) return map(new Map(), entry.at);
  if (scope.including.includes(main)) {
    const names = [...scope.including, main].map((path) => loading.workspace.find(path)?.name ?? path);
    fail("WF_COMPOSE_CYCLE", entry.at, entry.keyPath, {
      what: "files include each other in a circle",
      why: names.join(" → "),
      fix: "remove one include of the chain",
    });
  }
  const folder =
    entry.projectDirectory === undefined ? folderOf(main) : absolutePath(scope.folder, entry.projectDirectory);
  const environment = includedEnvironment(entry, folder, scope, loading);
  return loadModel(paths, { ...scope, folder, environment }, loading, entry.at);
}

// The surroundings win over the env files of an include.
function includedEnvironment(
  entry: IncludeEntry,
  folder: string,
  scope: Scope,
  loading: Loading,
): ReadonlyMap<string, string> {
  const environment = new Map(scope.environment);
  const fromFiles = new Map<string, string>();
  const implicit = absolutePath(folder, ".env");
  const files =
    entry.envFiles.length > 0
      ? entry.envFiles.map((path) => absolutePath(scope.folder, path))
      : loading.workspace.find(implicit) === undefined
        ? []
        : [implicit];
  for (const path of files) {
    const file = readFile(path, loading, entry.at, entry.keyPath);
    const found = parseEnvText(file, (name) => scope.environment.get(name) ?? fromFiles.get(name));
    for (const [name, value] of found) fromFiles.set(name, value);
  }
  for (const [name, value] of fromFiles) if (!environment.has(name)) environment.set(name, value);
  return environment;
}

function prepare(
  raw: Node,
  file: WorkspaceFile,
  scope: Scope,
  loading: Loading,
): { document: MapNode; resets: ResetPaths } {
  const { document, resets } = extractResets(raw);
  if (document?.kind !== "map") {
    fail("WF_COMPOSE_SCHEMA", document?.at ?? raw.at, [], {
      what: `${file.name} does not hold a map`,
      why: "a compose file has keys such as services at its top",
      fix: "begin the file with services:",
    });
  }
  const interpolated = interpolate(document, {
    environment: (name) => scope.environment.get(name),
    report: loading.reporter.report,
    spent: loading.spent,
    warned: loading.warned,
  });
  loading.reporter.stopOnErrors();
  return { document: interpolated.kind === "map" ? interpolated : document, resets };
}

function canonical(model: MapNode, { spent }: Loading): MapNode {
  return makeUnique(withoutEmptyDns(toLongForms(model, spent)));
}

// An address that an empty variable left blank counts as absent.
function withoutEmptyDns(model: MapNode): MapNode {
  const services = member(model, "services");
  if (services?.kind !== "map") return model;
  let changed = services;
  for (const [name, service] of services.entries) {
    const dns = member(service, "dns");
    if (service.kind !== "map" || dns?.kind !== "seq") continue;
    const kept = mapItems(dns, (item) => (stringOf(item) === "" ? undefined : item));
    if (kept !== dns) changed = withMember(changed, name, withMember(service, "dns", kept));
  }
  return changed === services ? model : withMember(model, "services", changed);
}

function withoutVersion(model: MapNode, loading: Loading): MapNode {
  const version = member(model, "version");
  if (version === undefined) return model;
  const at = version.keyAt ?? version.at;
  loading.reporter.report(
    warningAt("WF_COMPOSE_OBSOLETE", at, ["version"], {
      what: "the key version is obsolete",
      why: "the current Compose specification ignores it",
      fix: "remove it",
    }),
  );
  return withMember(model, "version", undefined);
}

function documentsOf(file: WorkspaceFile, loading: Loading): readonly Node[] {
  const { documents, problems } = loading.workspace.parse(file);
  for (const problem of problems) loading.reporter.report(problem);
  loading.reporter.stopOnErrors();
  return documents;
}

export function readFile(path: string, loading: Loading, at: Position, keyPath: KeyPath): WorkspaceFile {
  return (
    loading.workspace.read(path, at, keyPath) ??
    fail("WF_COMPOSE_MISSING_FILE", at, keyPath, {
      what: `the file ${path} is not there`,
      why: "it is not among the files of the stack",
      fix: "add the file, or correct the path",
    })
  );
}
