import type { ComposeModel, ComposeService } from "@windflow/core";
import { parseEnvText } from "./environment.ts";
import type { Loading } from "./load.ts";
import { fail, type KeyPath, type Position } from "./problem.ts";

export interface ServiceFilesInput {
  readonly model: ComposeModel;
  readonly environment: ReadonlyMap<string, string>;
  readonly locate: (path: KeyPath) => Position;
  readonly loading: Loading;
}

/** Reads each service's `env_file` and `label_file` into its environment and labels; what the service says itself wins. */
export function readServiceFiles(input: ServiceFilesInput): ComposeModel {
  const services = Object.entries(input.model.services).map(([name, service]) => [
    name,
    withLabelFiles(name, withEnvFiles(name, service, input), input),
  ]);
  return { ...input.model, services: Object.fromEntries(services) };
}

function withEnvFiles(name: string, service: ComposeService, input: ServiceFilesInput): ComposeService {
  const { env_file: files, ...rest } = service;
  if (files === undefined) return service;
  const own = service.environment ?? {};
  const found = new Map<string, string | null>();
  // The surroundings win while variables are put in, then what the service sets, then the file's own lines.
  const get = (variable: string): string | undefined =>
    input.environment.get(variable) ?? (Object.hasOwn(own, variable) ? own[variable] : undefined) ?? undefined;
  const earlier = (variable: string): string | undefined => found.get(variable) ?? undefined;
  for (const [i, { path, required, format }] of files.entries()) {
    const keyPath = ["services", name, "env_file", i];
    const at = input.locate(keyPath);
    const file = input.loading.workspace.read(path, at, keyPath);
    if (file === undefined) {
      if (!required) continue;
      missing("env file", path, at, keyPath);
    }
    if (format !== undefined && format !== "" && format !== "raw") {
      fail("WF_COMPOSE_SYNTAX", at, [...keyPath, "format"], {
        what: `"${format}" is not a format of env files`,
        why: "docker compose knows the format raw, and its own when none is named",
        fix: "write format: raw, or remove format",
      });
    }
    for (const [key, value] of parseEnvText(file, get, { format, earlier })) found.set(key, value);
  }
  for (const [key, value] of Object.entries(own)) found.set(key, value);
  return found.size === 0 ? rest : { ...rest, environment: Object.fromEntries(found) };
}

function withLabelFiles(name: string, service: ComposeService, input: ServiceFilesInput): ComposeService {
  const { label_file: files, ...rest } = service;
  if (files === undefined) return service;
  const labels = new Map<string, string>();
  for (const [i, path] of files.entries()) {
    const keyPath = ["services", name, "label_file", i];
    const at = input.locate(keyPath);
    const file = input.loading.workspace.read(path, at, keyPath) ?? missing("label file", path, at, keyPath);
    for (const [key, value] of parseEnvText(file, () => undefined)) labels.set(key, value);
  }
  for (const [key, value] of Object.entries(service.labels ?? {})) labels.set(key, value);
  return labels.size === 0 ? rest : { ...rest, labels: Object.fromEntries(labels) };
}

function missing(noun: string, path: string, at: Position, keyPath: KeyPath): never {
  fail("WF_COMPOSE_MISSING_FILE", at, keyPath, {
    what: `the ${noun} ${path} is not there`,
    why: "it is not among the files of the stack",
    fix: noun === "env file" ? "add the file, or set required: false" : "add the file",
  });
}
