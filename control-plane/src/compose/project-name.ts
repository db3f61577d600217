import { interpolateText, InterpolationError } from "./interpolate-text.ts";
import { member, positionOf, stringOf } from "./node.ts";
import { fail, type Position } from "./problem.ts";
import type { Loading } from "./load.ts";

const VALID = /^[a-z0-9][a-z0-9_-]*$/;

export interface NameInput {
  /** What the caller demands. */
  readonly given: string | undefined;
  readonly environment: ReadonlyMap<string, string>;
  readonly composeFiles: readonly string[];
  readonly workingDir: string;
  readonly loading: Loading;
  readonly at: Position;
}

/** The project's name: the caller's, else COMPOSE_PROJECT_NAME, else the last file's `name`, else that of the working directory. */
export function projectName(input: NameInput): string {
  const demanded = input.given ?? input.environment.get("COMPOSE_PROJECT_NAME");
  if (demanded !== undefined && demanded !== "") {
    return VALID.test(demanded) ? demanded : refuse(demanded, input.at);
  }
  const written = nameInFiles(input);
  const folder = input.workingDir.slice(input.workingDir.lastIndexOf("/") + 1);
  const { name: raw, at } = written ?? { name: folder, at: input.at };
  const name = raw
    .toLowerCase()
    .replace(/[^-_a-z0-9]/g, "")
    .replace(/^[-_]+/, "");
  return name === "" ? refuse(raw, at) : name;
}

function nameInFiles(input: NameInput): { name: string; at: Position } | undefined {
  let found: { name: string; at: Position } | undefined;
  for (const path of input.composeFiles) {
    const file = input.loading.workspace.find(path);
    if (file === undefined) continue;
    for (const document of input.loading.workspace.parse(file).documents) {
      const node = member(document, "name");
      const text = stringOf(node);
      if (node === undefined || text === undefined || text === "") continue;
      const name = interpolated(text, input.environment);
      if (name !== undefined && name !== "") found = { name, at: positionOf(node) };
    }
  }
  return found;
}

// What is wrong with the text is reported when the whole file is interpolated.
function interpolated(text: string, environment: ReadonlyMap<string, string>): string | undefined {
  try {
    return interpolateText(text, { get: (name) => environment.get(name) });
  } catch (error) {
    if (error instanceof InterpolationError) return undefined;
    throw error;
  }
}

function refuse(name: string, at: Position): never {
  fail("WF_COMPOSE_PROJECT_NAME", at, ["name"], {
    what: `"${name}" is not a valid project name`,
    why: "a name has lower-case letters, digits, hyphens and underscores, and begins with a letter or a digit",
    fix: "choose another name",
  });
}
