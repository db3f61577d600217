import type { ComposeModel } from "@windflow/core";
import { checkConsistency } from "./consistency.ts";
import { type FileContents, readContents, withContents } from "./contents.ts";
import { withScaledReplicas } from "./consistency-settings.ts";
import { checkDeployable } from "./deployable.ts";
import { parseEnvText } from "./environment.ts";
import { MAX_PROBLEMS } from "./limits.ts";
import { type Loading, loadModel } from "./load.ts";
import { locate } from "./locate.ts";
import type { MapNode } from "./node.ts";
import { normalise } from "./normalise.ts";
import { ComposeFailure, fail, type KeyPath, type Position, type Problem } from "./problem.ts";
import { dropUnused, selectProfiles } from "./profiles.ts";
import { projectName } from "./project-name.ts";
import { Reporter, Stopped } from "./reporter.ts";
import { readServiceFiles } from "./service-files.ts";
import { shapeModel } from "./shape-model.ts";
import type { Attachment } from "./source-tree.ts";
import { absolutePath, Workspace } from "./workspace.ts";

export interface RenderInput {
  /** Undefined: COMPOSE_PROJECT_NAME, else the file's `name`, else the last part of the working directory. */
  readonly projectName: string | undefined;
  /** Absolute; the start of relative paths. It need not exist anywhere. */
  readonly workingDir: string;
  /** Every file that the rendering may read, by its path, absolute or relative to the working directory. */
  readonly files: ReadonlyMap<string, string>;
  /** Paths of the compose files; a later one is laid over the earlier ones. */
  readonly composeFiles: readonly string[];
  /** Wins over the file `.env` of the working directory. */
  readonly environment: Readonly<Record<string, string>>;
  /** Active profiles; without any, those of COMPOSE_PROFILES. */
  readonly profiles: readonly string[];
  /** Files of the stack that are not texts, or not at hand, by such paths too. */
  readonly attachments?: ReadonlyMap<string, Attachment>;
  /** The working directory is a folder of the hosts, which have what the stack's relative paths mean. */
  readonly hostFolder?: boolean;
}

export interface RenderOutput {
  /** Undefined when a problem is an error. */
  readonly model: ComposeModel | undefined;
  readonly problems: readonly Problem[];
  /** Texts of configs and secrets that come from the environment or from files; empty without a model. */
  readonly contents: FileContents;
  /** Where a part of the model was written, for problems that others find in it; the nearest known place above it. */
  readonly locate: (path: KeyPath) => Position;
  /** Attachments that would be read as text: the output means nothing until they are among the files. */
  readonly wantedTexts: readonly string[];
}

/** As {@link renderCompose}; without the checks between parts, for comparison with `--no-consistency`. */
export interface RenderOptions {
  readonly consistency?: boolean;
}

const NO_CONTENTS: FileContents = { configs: new Map(), secrets: new Map() };

/**
 * Reads compose files as `docker compose config --format json` does, and says precisely what is wrong with broken ones.
 * Pure: the same input gives the same output. Bounded: see limits.ts.
 */
export function renderCompose(input: RenderInput, options: RenderOptions = {}): RenderOutput {
  const reporter = new Reporter();
  const start: Position = { file: input.composeFiles[0] ?? "compose.yaml", line: 1, column: 1 };
  let found: (path: KeyPath) => Position = () => start;
  const workspace = new Workspace(input.workingDir, input.files, input.attachments);
  const { wantedTexts: wanted } = workspace;
  try {
    const { model, root, contents } = render(input, options, reporter, start, workspace);
    found = (path) => locate(root, path);
    return { model, problems: reporter.problems, contents, locate: found, wantedTexts: [...wanted] };
  } catch (error) {
    const problems = [...reporter.problems];
    if (error instanceof ComposeFailure) {
      if (!problems.includes(error.problem)) problems.push(error.problem);
    } else if (!(error instanceof Stopped)) throw error;
    return { model: undefined, problems, contents: NO_CONTENTS, locate: found, wantedTexts: [...wanted] };
  }
}

/**
 * As {@link renderCompose}, for a stack that is to run on hosts: the texts of configs and secrets are in the model, and what no host
 * can honour is an error.
 */
export function renderDeployable(input: RenderInput): RenderOutput {
  const output = renderCompose(input);
  if (output.model === undefined || output.wantedTexts.length > 0) return output;
  const workspace = new Workspace(input.workingDir, input.files, input.attachments);
  const { model, problems: found } = checkDeployable({
    model: withContents(output.model, output.contents),
    workingDir: workspace.workingDir,
    tree: input.hostFolder === true ? "none" : workspace.tree,
    locate: output.locate,
  });
  const refused = found.some(({ severity }) => severity === "error");
  return {
    ...output,
    model: refused ? undefined : model,
    problems: [...output.problems, ...found].slice(0, MAX_PROBLEMS),
  };
}

function render(
  input: RenderInput,
  options: RenderOptions,
  reporter: Reporter,
  start: Position,
  workspace: Workspace,
): { model: ComposeModel; root: MapNode; contents: FileContents } {
  const { environment, loading } = surroundings(input, workspace, reporter, start);
  const composeFiles = input.composeFiles.map((path) => absolutePath(workspace.workingDir, path));
  if (composeFiles.length === 0) {
    fail("WF_COMPOSE_MISSING_FILE", start, [], {
      what: "no compose file is named",
      why: "there is nothing to render",
      fix: "name at least one file",
    });
  }
  const name = projectName({
    given: input.projectName,
    environment,
    composeFiles,
    workingDir: workspace.workingDir,
    loading,
    at: start,
  });
  environment.set("COMPOSE_PROJECT_NAME", name);
  const scope = { folder: workspace.workingDir, environment, including: [] };
  const loaded = loadModel(composeFiles, scope, loading, start);
  if (loaded.entries.size === 0) {
    fail("WF_COMPOSE_SCHEMA", start, [], {
      what: "the compose file is empty",
      why: "it defines nothing",
      fix: "define at least one service",
    });
  }
  const root = normalise(loaded, name, environment);
  const shaped = shapeModel(root, name, reporter.report);
  reporter.stopOnErrors();
  const { model: selected, inactive } = selectProfiles(shaped, activeProfiles(input, environment));
  let model = selected;
  const at = (path: KeyPath): Position => locate(root, path);
  if (options.consistency !== false) {
    checkConsistency({ model, inactive, locate: at, report: reporter.report });
    reporter.stopOnErrors();
    model = withScaledReplicas(model);
  }
  const complete = dropUnused(readServiceFiles({ model, environment, locate: at, loading }));
  const contents = readContents(complete, {
    environment,
    fileText: (path) => (input.hostFolder === true ? workspace.find(path)?.text : workspace.content(path)),
  });
  return { model: complete, root, contents };
}

function surroundings(
  input: RenderInput,
  workspace: Workspace,
  reporter: Reporter,
  start: Position,
): { environment: Map<string, string>; loading: Loading } {
  const environment = new Map(Object.entries(input.environment));
  const file = workspace.read(absolutePath(workspace.workingDir, ".env"), start, []);
  if (file !== undefined) {
    const given = new Map(environment);
    for (const [key, value] of parseEnvText(file, (name) => given.get(name))) {
      if (!environment.has(key)) environment.set(key, value);
    }
  }
  const loading: Loading = {
    workspace,
    reporter,
    home: environment.get("HOME"),
    spent: { characters: 0, nodes: 0, ports: 0 },
    warned: new Set(),
  };
  return { environment, loading };
}

function activeProfiles(input: RenderInput, environment: ReadonlyMap<string, string>): readonly string[] {
  if (input.profiles.length > 0) return input.profiles;
  return (environment.get("COMPOSE_PROFILES") ?? "").split(",").map((profile) => profile.trim());
}
