import type { RenderInput } from "@windflow/control-plane";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join, posix } from "node:path";

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
  for (const set of readdirSync(reference).toSorted()) {
    const answers = join(reference, set);
    if (!existsSync(join(answers, "cases.json"))) continue;
    const classes = classesOf(answers);
    const files = readSet(join(folder, set));
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

function inputOf(written: WrittenCase, all: ReadonlyMap<string, string>): RenderInput {
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
    files: filesBelow(all, reaching(folders)),
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

/** The texts of a set that lie below some of its folders. */
function filesBelow(all: ReadonlyMap<string, string>, folders: readonly string[]): ReadonlyMap<string, string> {
  const prefixes = [...new Set(folders)].map((folder) => posix.join(`/${ROOT}`, folder, "/"));
  return new Map([...all].filter(([path]) => prefixes.some((prefix) => path.startsWith(prefix))));
}

function readSet(folder: string): ReadonlyMap<string, string> {
  const files = new Map<string, string>();
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true })) {
    const full = join(entry.parentPath, entry.name);
    if (!entry.isFile() || statSync(full).size > MAX_READ_BYTES) continue;
    files.set(posix.join(`/${ROOT}`, full.slice(folder.length)), readFileSync(full, "utf8"));
  }
  return files;
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
  if (existsSync(printed)) return { accepted: true, expected: unescaped(JSON.parse(readFileSync(printed, "utf8"))) };
  if (existsSync(join(answers, `${name}.err.txt`))) return { accepted: false, expected: undefined };
  return undefined;
}

function unescaped(value: unknown): unknown {
  if (typeof value === "string") return value.replaceAll("$$", "$");
  if (Array.isArray(value)) return value.map(unescaped);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [String(unescaped(key)), unescaped(member)]));
}
