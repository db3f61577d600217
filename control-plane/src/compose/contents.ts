import type { ComposeFileObject, ComposeModel } from "@windflow/core";

/** Texts of configs and secrets that the rendering could read: from the environment or from a file of the stack. */
export interface FileContents {
  readonly configs: ReadonlyMap<string, string>;
  readonly secrets: ReadonlyMap<string, string>;
}

export interface ContentSources {
  readonly environment: ReadonlyMap<string, string>;
  /** Text of a file by its absolute path; undefined when the stack does not have it. */
  readonly fileText: (path: string) => string | undefined;
}

export function readContents(model: ComposeModel, sources: ContentSources): FileContents {
  return {
    configs: contentsOf(model.configs, sources),
    secrets: contentsOf(model.secrets, sources),
  };
}

/** The model with those texts in place of `environment` and `file`, as a host needs it: the host has neither. */
export function withContents(model: ComposeModel, contents: FileContents): ComposeModel {
  return {
    ...model,
    ...(model.configs === undefined ? {} : { configs: inlined(model.configs, contents.configs) }),
    ...(model.secrets === undefined ? {} : { secrets: inlined(model.secrets, contents.secrets) }),
  };
}

function contentsOf(
  objects: Readonly<Record<string, ComposeFileObject>> | undefined,
  { environment, fileText }: ContentSources,
): Map<string, string> {
  const contents = new Map<string, string>();
  for (const [name, object] of Object.entries(objects ?? {})) {
    const text =
      object.environment === undefined
        ? object.file === undefined
          ? undefined
          : fileText(object.file)
        : environment.get(object.environment);
    if (text !== undefined) contents.set(name, text);
  }
  return contents;
}

function inlined(
  objects: Readonly<Record<string, ComposeFileObject>>,
  contents: ReadonlyMap<string, string>,
): Record<string, ComposeFileObject> {
  return Object.fromEntries(
    Object.entries(objects).map(([name, object]) => {
      const content = contents.get(name);
      if (content === undefined) return [name, object];
      const { environment: _environment, file: _file, ...rest } = object;
      return [name, { ...rest, content }];
    }),
  );
}
