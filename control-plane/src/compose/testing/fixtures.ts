import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { RenderInput } from "../render.ts";

/** A small stack that asks one question about how docker compose reads something. */
export interface Fixture {
  readonly name: string;
  readonly files: Readonly<Record<string, string>>;
  readonly composeFiles: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly profiles: readonly string[];
}

/** What docker compose 2.40.3 said of a fixture. */
export interface Answer {
  /** Undefined: refused. */
  readonly model: unknown;
}

/** Where a fixture lies, for both: it is part of names and paths in the answers. */
export const FIXTURE_FOLDER = "/stacks/fixture";
export const FIXTURE_HOME = "/home/user";

const folder = join(import.meta.dirname, "../fixtures");
export const ANSWERS_PATH: string = join(folder, "answers.txt");

/** services.txt: keys of one service; files.txt: whole files; stacks.txt: several files, with options. A line of `=====` parts them. */
export function readFixtures(): Fixture[] {
  return [
    ...parts("services.txt").map((text, i) => single(`services ${i}`, serviceFile(text))),
    ...parts("files.txt").map((text, i) => single(`files ${i}`, text)),
    ...parts("stacks.txt").map((text, i) => stack(`stacks ${i}`, text)),
  ];
}

export function inputOfFixture(fixture: Fixture): RenderInput {
  return {
    projectName: undefined,
    workingDir: FIXTURE_FOLDER,
    files: new Map(Object.entries(fixture.files)),
    composeFiles: fixture.composeFiles,
    environment: { HOME: FIXTURE_HOME, ...fixture.environment },
    profiles: fixture.profiles,
  };
}

/** One line a fixture: its name, and the model as JSON or nothing, parted by a tab. */
export function readAnswers(): ReadonlyMap<string, Answer> {
  if (!existsSync(ANSWERS_PATH)) return new Map();
  const lines = readFileSync(ANSWERS_PATH, "utf8").split("\n");
  return new Map(
    lines.flatMap((line) => {
      const [name = "", json = ""] = line.split("\t");
      return name === "" ? [] : [[name, { model: json === "" ? undefined : (JSON.parse(json) as unknown) }] as const];
    }),
  );
}

function parts(file: string): string[] {
  return readFileSync(join(folder, file), "utf8").split(/^=====\n/m);
}

function serviceFile(text: string): string {
  const lines = text.split("\n").map((line) => (line === "" ? "" : `    ${line}`));
  return `services:\n  a:\n    image: x\n${lines.join("\n")}`;
}

function single(name: string, text: string): Fixture {
  return { name, files: { "compose.yaml": text }, composeFiles: ["compose.yaml"], environment: {}, profiles: [] };
}

interface StackOptions {
  readonly compose?: string[];
  readonly env?: Record<string, string>;
  readonly profiles?: string[];
}

// `@@ PATH` begins a file, `@@ opts {…}` gives the order of compose files, the environment and the profiles.
function stack(name: string, text: string): Fixture {
  const files: Record<string, string> = {};
  let options: StackOptions = {};
  for (const section of text.split(/^@@ /m).slice(1)) {
    const end = section.indexOf("\n");
    const title = section.slice(0, end);
    if (title.startsWith("opts ")) options = JSON.parse(title.slice("opts ".length)) as StackOptions;
    else files[title] = section.slice(end + 1);
  }
  return {
    name,
    files,
    composeFiles: options.compose ?? ["compose.yaml"],
    environment: options.env ?? {},
    profiles: options.profiles ?? [],
  };
}
