import { type ComposeModel, type ComposeService, unsupportedUses } from "@windflow/core";
import { effectless } from "./effectless.ts";
import { errorAt, type Explanation, type KeyPath, type Position, type Problem, warningAt } from "./problem.ts";

export interface DeployableInput {
  /** With the contents of configs and secrets in place. */
  readonly model: ComposeModel;
  /** The folder that the stack's relative paths were resolved against; it exists on no host. */
  readonly workingDir: string;
  readonly locate: (path: KeyPath) => Position;
}

/**
 * What a host of the fleet cannot honour, each by name and place: an error where the stack would run as something else than written,
 * a warning where docker compose itself would pass over the key.
 */
export function checkDeployable({ model, workingDir, locate }: DeployableInput): Problem[] {
  const refuse = (path: KeyPath, explanation: Explanation): Problem =>
    errorAt("WF_COMPOSE_UNDEPLOYABLE", locate(path), path, explanation);
  return [
    ...unsupported(model, refuse),
    ...missingFiles(model, refuse),
    ...Object.entries(model.services).flatMap(([name, service]) =>
      unreachablePaths(name, service, model, workingDir, refuse),
    ),
    ...Object.entries(model.services).flatMap(([name, service]) =>
      effectless(name, service, model).map(({ path, explanation }) =>
        warningAt("WF_COMPOSE_NO_EFFECT", locate(path), path, explanation),
      ),
    ),
  ];
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

// What could be read has become content by now.
function missingFiles(model: ComposeModel, refuse: RefuseAt): Problem[] {
  return (["configs", "secrets"] as const).flatMap((section) =>
    Object.entries(model[section] ?? {}).flatMap(([name, { file }]) => {
      if (file === undefined) return [];
      return refuse([section, name, "file"], {
        what: `the file ${file} of ${section}.${name} is not among the files of the stack`,
        why: "a host has no other place to take it from",
        fix: "add the file to the stack, or write its content here as content",
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

function unreachablePaths(
  name: string,
  service: ComposeService,
  model: ComposeModel,
  workingDir: string,
  refuse: RefuseAt,
): Problem[] {
  return (service.volumes ?? []).flatMap((mount, i) => {
    const device =
      mount.type === "volume" && mount.source !== undefined
        ? model.volumes?.[mount.source]?.driver_opts?.["device"]
        : undefined;
    const source = mount.type === "bind" ? mount.source : device;
    const why = source === undefined ? undefined : whyUnreachable(source, workingDir);
    if (why === undefined) return [];
    return refuse(["services", name, "volumes", i], {
      what: `the service "${name}" mounts ${source ?? "a path"}, which is on no host`,
      why,
      fix: "mount an absolute path of the host, a named volume, or give single files as configs",
    });
  });
}

function whyUnreachable(source: string, workingDir: string): string | undefined {
  if (source.startsWith("~")) return "a host has no home folder for stacks";
  if (source === workingDir || source.startsWith(`${workingDir}/`)) {
    return "a relative path means a folder beside the compose file, and that folder is not on the hosts";
  }
  return undefined;
}
