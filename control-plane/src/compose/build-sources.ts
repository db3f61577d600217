import { posix } from "node:path";
import type { ComposeModel, ComposeService } from "@windflow/core";
import { isBelow, relativePath, type MountedFilesInput } from "./mounted-files.ts";
import { errorAt, type Problem, warningAt } from "./problem.ts";

/**
 * Services whose `build` has no source in the stack: an error, or a warning where the image can be pulled by its name; then the build
 * is left out of the model.
 */
export function checkBuildSources(input: MountedFilesInput): {
  readonly model: ComposeModel;
  readonly problems: Problem[];
} {
  const problems: Problem[] = [];
  const services = Object.entries(input.model.services).map(([name, service]): [string, ComposeService] => {
    const missing = missingOf(service, input);
    if (missing === undefined) return [name, service];
    const path = ["services", name, "build"];
    const { image, pull_policy: policy } = service;
    if (image !== undefined && policy !== "build" && policy !== "never") {
      problems.push(
        warningAt("WF_COMPOSE_NO_EFFECT", input.locate(path), path, {
          what: `the image ${image} of the service "${name}" is pulled, not built`,
          why: missing.why,
          fix: `remove build, or ${missing.fix}`,
        }),
      );
      const { build: _build, ...rest } = service;
      return [name, rest];
    }
    problems.push(
      errorAt("WF_COMPOSE_UNDEPLOYABLE", input.locate(path), path, {
        what: `the image of the service "${name}" cannot be built`,
        ...missing,
      }),
    );
    return [name, service];
  });
  return { model: { ...input.model, services: Object.fromEntries(services) }, problems };
}

function missingOf(
  { build }: ComposeService,
  { workingDir, tree }: MountedFilesInput,
): { readonly why: string; readonly fix: string } | undefined {
  if (build === undefined) return undefined;
  const context = build.context ?? workingDir;
  if (!posix.isAbsolute(context) || !isBelow(context, workingDir)) {
    return {
      why: `the build context ${context} is not a folder of the stack`,
      fix: "add the folder to the stack and name it with a relative path",
    };
  }
  const folder = relativePath(context, workingDir);
  if (tree.kindOf(context) !== "folder") {
    return {
      why: `the stack has no folder ${folder}, the build context`,
      fix: `add the folder ${folder} to the stack`,
    };
  }
  if (build.dockerfile_inline !== undefined) return undefined;
  const dockerfile = posix.resolve(context, build.dockerfile ?? "Dockerfile");
  if (tree.kindOf(dockerfile) === "file") return undefined;
  const file = isBelow(dockerfile, workingDir) ? relativePath(dockerfile, workingDir) : dockerfile;
  return { why: `the stack has no file ${file} to build by`, fix: `add the file ${file} to the stack` };
}
