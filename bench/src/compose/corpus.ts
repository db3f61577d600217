import type { RenderInput } from "@windflow/control-plane";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join, posix } from "node:path";
import { unescapeDollars } from "./dollars.ts";

/** What the tool said of a case. */
export interface Verdict {
  readonly accepted: boolean;
  /** The model that it printed, dollar signs unescaped. */
  readonly expected: unknown;
}

export interface CorpusCase {
  readonly name: string;
  readonly input: RenderInput;
  /** Undefined: the answer is missing or marked as a fault of the tool. */
  readonly verdict: Verdict | undefined;
  /** A model with paths as the answers write them. */
  readonly printed: (model: object) => unknown;
}

interface WrittenCase {
  readonly name: string;
  readonly files: readonly string[];
  readonly dir?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly extra?: readonly string[];
}

const ROOT = "@CORPUS@";
// The home folder of the machine that the answers were made on.
const HOME = "/home/wf";
// Compose files and env files are text of some kilobytes; the rest of a stack is never read.
const MAX_READ_BYTES = 16 * 1024 * 1024;

/** Every case below `folder/reference`. */
export function* readCorpus(folder: string): Generator<CorpusCase> {
  const reference = join(folder, "reference");
  if (!existsSync(reference)) throw new Error(`${folder} has no folder reference with a cases.json for each set`);
  for (const set of readdirSync(reference).toSorted()) {
    const answers = join(reference, set);
    if (!existsSync(join(answers, "cases.json"))) continue;
    const classes = classesOf(answers);
    const files = new SetFiles(join(folder, set));
    for (const written of JSON.parse(readFileSync(join(answers, "cases.json"), "utf8")) as WrittenCase[]) {
      yield {
        name: `${set}/${written.name}`,
        input: inputOf(written, files),
        verdict: verdictOf(answers, written.name, classes.get(written.name)),
        printed: (model) => JSON.parse(JSON.stringify(model).replaceAll(`/${ROOT}`, ROOT)) as unknown,
      };
    }
  }
}

function inputOf(written: WrittenCase, all: SetFiles): RenderInput {
  const extra = written.extra ?? [];
  const valuesOf = (flag: string): string[] =>
    extra.flatMap((arg, i) =>
      arg === flag ? [extra[i + 1] ?? ""] : arg.startsWith(`${flag}=`) ? [arg.slice(flag.length + 1)] : [],
    );
  const [first = ""] = written.files;
  const [project] = valuesOf("--project-directory");
  const workingDir = project === undefined ? posix.join(`/${ROOT}`, posix.dirname(first)) : `/${project}`;
  const folders = [workingDir.slice(ROOT.length + 2), ...written.files.map((file) => posix.dirname(file))];
  return {
    projectName: valuesOf("--project-name")[0] ?? valuesOf("-p")[0],
    workingDir,
    files: all.below(reaching(folders)),
    composeFiles: written.files.map((file) => `/${ROOT}/${file}`),
    environment: { HOME, ...written.env },
    profiles: valuesOf("--profile"),
  };
}

/** Folders with their parents where a path may lead upwards: most stacks are one folder, and a few include a neighbour. */
function reaching(folders: readonly string[]): string[] {
  return folders.flatMap((folder) => {
    const above = posix.dirname(folder);
    return above === "." || above === "/" ? [folder] : [folder, above];
  });
}

/** The texts of a set, in the order of their paths, so that a folder's stand together: a set may have tens of thousands. */
class SetFiles {
  readonly #texts = new Map<string, string>();
  readonly #paths: readonly string[];

  constructor(folder: string) {
    if (existsSync(folder)) {
      for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true })) {
        const full = join(entry.parentPath, entry.name);
        if (!entry.isFile() || statSync(full).size > MAX_READ_BYTES) continue;
        this.#texts.set(posix.join(`/${ROOT}`, full.slice(folder.length)), readFileSync(full, "utf8"));
      }
    }
    this.#paths = [...this.#texts.keys()].toSorted((a, b) => (a < b ? -1 : 1));
  }

  /** The texts that lie below some folders, each once. */
  below(folders: readonly string[]): ReadonlyMap<string, string> {
    const found = new Map<string, string>();
    for (const folder of new Set(folders)) {
      const prefix = posix.join(`/${ROOT}`, folder, "/");
      for (let i = this.#firstFrom(prefix); this.#paths[i]?.startsWith(prefix) === true; i++) {
        const path = this.#paths[i] ?? "";
        found.set(path, this.#texts.get(path) ?? "");
      }
    }
    return found;
  }

  #firstFrom(prefix: string): number {
    let low = 0;
    let high = this.#paths.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#paths[middle] ?? "") < prefix) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** Class of the plain run of each case, where the set lists it. */
function classesOf(answers: string): ReadonlyMap<string, string> {
  const path = join(answers, "verdicts.tsv");
  if (!existsSync(path)) return new Map();
  const rows = readFileSync(path, "utf8")
    .split("\n")
    .map((line) => line.split("\t"));
  return new Map(
    rows.flatMap(([name = "", variant, , , kind = ""]) => (variant === "bare" ? [[name, kind] as const] : [])),
  );
}

function verdictOf(answers: string, name: string, kind: string | undefined): Verdict | undefined {
  if (kind === "reference-tool-bug") return undefined;
  const printed = join(answers, `${name}.json`);
  if (existsSync(printed)) return acceptedAs(readFileSync(printed, "utf8"));
  if (existsSync(join(answers, `${name}.err.txt`))) return { accepted: false, expected: undefined };
  return undefined;
}

function acceptedAs(text: string): Verdict | undefined {
  try {
    return { accepted: true, expected: unescapeDollars(JSON.parse(text)) };
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
