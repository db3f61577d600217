import { type ComposeModel, unsupportedUses } from "@windflow/core";
import { checkBuildSources } from "./build-sources.ts";
import { effectless } from "./effectless.ts";
import { checkMountedFiles, relativePath, isBelow } from "./mounted-files.ts";
import { errorAt, type Explanation, type KeyPath, type Position, type Problem, warningAt } from "./problem.ts";
import type { SourceTree } from "./source-tree.ts";

export interface DeployableInput {
  /** With the contents of configs and secrets in place. */
  readonly model: ComposeModel;
  /** The folder that the stack's relative paths were resolved against. */
  readonly workingDir: string;
  /** The stack's own files; "none": the working directory is a folder of the hosts. */
  readonly tree: SourceTree | "none";
  readonly locate: (path: KeyPath) => Position;
}

/**
 * The model as hosts can run it, and what they cannot honour, each by name and place: an error where the stack would run as something else
 * than written, a warning where docker compose itself would pass over the key.
 */
export function checkDeployable(input: DeployableInput): {
  readonly model: ComposeModel;
  readonly problems: Problem[];
} {
  const { tree, locate } = input;
  const refuse = (path: KeyPath, explanation: Explanation): Problem =>
    errorAt("WF_COMPOSE_UNDEPLOYABLE", locate(path), path, explanation);
  const built = tree === "none" ? { model: input.model, problems: [] } : checkBuildSources({ ...input, tree });
  const { model } = built;
  const problems = [
    ...unsupported(model, refuse),
    ...missingFiles(input, refuse),
    ...built.problems,
    ...(tree === "none" ? [] : checkMountedFiles({ ...input, tree })),
    ...Object.entries(model.services).flatMap(([name, service]) =>
      effectless(name, service, model).map(({ path, explanation }) =>
        warningAt("WF_COMPOSE_NO_EFFECT", locate(path), path, explanation),
      ),
    ),
  ];
  return { model, problems };
}

type RefuseAt = (path: KeyPath, explanation: Explanation) => Problem;

function unsupported(model: ComposeModel, refuse: RefuseAt): Problem[] {
  // What has `build` is built before a revision is made of it.
  const uses = unsupportedUses(model).filter(({ key }) => key !== "build");
  return uses.map(({ service, key, why }) =>
    refuse(["services", service, ...pathOf(key)], {
      what: `the service "${service}" uses ${key}, which no host can carry out`,
      why,
      fix: "remove it, or change it as described",
    }),
  );
}

// What could be read as text has become content by now; other files of the stack travel as they are.
function missingFiles({ model, tree, workingDir }: DeployableInput, refuse: RefuseAt): Problem[] {
  return (["configs", "secrets"] as const).flatMap((section) =>
    Object.entries(model[section] ?? {}).flatMap(([name, { file }]) => {
      if (file === undefined) return [];
      const found = tree === "none" || !isBelow(file, workingDir) ? undefined : tree;
      const link = found?.linkIn(file);
      if (found !== undefined && link !== undefined) {
        return refuse([section, name, "file"], {
          what: `the file ${file} of ${section}.${name} is found through the link ${relativePath(link, workingDir)}`,
          why: "a file that travels by itself is given by its own name",
          fix: `name ${relativePath(found.follow(file) ?? file, workingDir)}`,
        });
      }
      if (found?.kindOf(file) === "file") return [];
      const own = isBelow(file, workingDir);
      return refuse([section, name, "file"], {
        what: `the file ${file} of ${section}.${name} is not among the files of the stack`,
        why: "a host has no other place to take it from",
        fix: `${own ? `add the file ${relativePath(file, workingDir)} to the stack` : "add the file to the stack and name it with a relative path"}, or write its content here as content`,
      });
    }),
  );
}

function pathOf(key: string): KeyPath {
  return key
    .split(/\.|\[(\d+)\]/)
    .filter((part) => part !== undefined && part !== "")
    .map((part) => (/^\d+$/.test(part) ? Number(part) : part));
}
