import { type Document, parseAllDocuments, type YAMLError, type YAMLWarning } from "yaml";
import { type IndentError, mendIndent } from "./mend-indent.ts";
import { maybeTooDeep } from "./nesting-guard.ts";
import { errorAt, fail, type Position, type Problem } from "./problem.ts";
import { forbiddenCharacter, withPlainBreaks } from "./yaml-lines.ts";
import { misplacedTab } from "./yaml-tabs.ts";

/** The documents of a YAML text as the library sees them, and where its offsets are in the text that was handed in. */
export interface YamlDocuments {
  /** What the documents were parsed from: the text that was handed in, mended. */
  readonly text: string;
  readonly documents: readonly Document[];
  readonly positions: Positions;
  readonly problems: readonly Problem[];
}

// Mending parses the text again for each bracketed collection, so it is left to files that a person wrote.
const MAX_MENDED_LENGTH = 256 * 1024;

/** Parses a text. What docker compose reads although it is not quite YAML is mended first, and what it refuses although it is YAML is a problem. */
export function readYaml(file: string, written: string): YamlDocuments {
  const text = withPlainBreaks(written);
  const read = parseMended(file, text);
  const forbidden = forbiddenCharacter(text);
  if (forbidden !== undefined) {
    const code = (text.codePointAt(forbidden) ?? 0).toString(16).toUpperCase().padStart(4, "0");
    const problem = syntaxError(`the character U+${code} may not stand in a YAML file`, forbidden, read.positions);
    return { ...read, problems: [problem, ...read.problems] };
  }
  const tab = read.problems.length > 0 ? undefined : misplacedTab(read);
  if (tab === undefined) return read;
  return { ...read, problems: [syntaxError("a tab stands where only spaces may indent", tab, read.positions)] };
}

function parseMended(file: string, text: string): YamlDocuments {
  const documents = parse(file, text);
  if (indentError(documents) === undefined || text.length > MAX_MENDED_LENGTH) {
    return assembled(text, documents, new Positions(file, text, new Map()));
  }
  const indented = mendIndent(text, (current) => indentError(parse(file, current)));
  if (indented === undefined) return assembled(text, documents, new Positions(file, text, new Map()));
  return assembled(indented.text, parse(file, indented.text), new Positions(file, indented.text, indented.added));
}

function parse(file: string, text: string): readonly Document[] {
  if (maybeTooDeep(text)) tooDeep(file);
  // The library makes an Error of every mistake, and gathering stacks is most of the time that a text full of mistakes takes.
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    const parsed = parseAllDocuments(text, {
      schema: "failsafe",
      // Our own check is linear; the library's compares every key with every other.
      uniqueKeys: false,
      prettyErrors: false,
      logLevel: "silent",
    });
    return Array.isArray(parsed) ? parsed : [];
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return tooDeep(file);
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

function tooDeep(file: string): never {
  fail("WF_COMPOSE_LIMIT", { file, line: 1, column: 1 }, [], {
    what: "the file is nested too deeply",
    why: "reading it would take more time and memory than one file may have",
    fix: "flatten the structure",
  });
}

function assembled(text: string, documents: readonly Document[], positions: Positions): YamlDocuments {
  const problems = documents.flatMap((document) => [
    ...document.errors.filter((error) => !isHarmless(error)).map((error) => syntaxProblem(error, positions)),
    ...directiveProblems(document, positions),
  ]);
  return { text, documents, positions, problems };
}

function indentError(documents: readonly Document[]): IndentError | undefined {
  for (const { errors } of documents) {
    for (const { code, message, pos } of errors) {
      if (code === "BAD_INDENT" && message.startsWith("Flow ")) return { offset: pos[0] };
      const quote = code === "MISSING_CHAR" ? /^Missing closing (["'])quote/.exec(message)?.[1] : undefined;
      if (quote === '"' || quote === "'") return { offset: pos[0], quote };
    }
  }
  return undefined;
}

// docker compose reads `"a"#b` as "a" with a comment, and `"\'"` as a single quote.
function isHarmless(error: YAMLError): boolean {
  if (error.code === "BAD_DQ_ESCAPE") return error.message.endsWith("\\'");
  return error.code === "MISSING_CHAR" && error.message.startsWith("Comments must be separated");
}

function directiveProblems(document: Document, positions: Positions): Problem[] {
  const unknown = document.warnings.find(
    ({ code, message }) => code === "BAD_DIRECTIVE" || message.startsWith("Unknown directive"),
  );
  if (unknown !== undefined) return [syntaxProblem(unknown, positions)];
  const { explicit, version } = document.directives?.yaml ?? {};
  if (explicit !== true || version === "1.1") return [];
  return [
    errorAt("WF_COMPOSE_YAML", positions.start, [], {
      what: `the file says that it is YAML ${version ?? "of another version"}`,
      why: "docker compose reads %YAML 1.1 only",
      fix: "remove the %YAML line",
    }),
  ];
}

function syntaxProblem(error: YAMLError | YAMLWarning, positions: Positions): Problem {
  return syntaxError(error.message.split("\n")[0] ?? error.message, error.pos[0], positions);
}

function syntaxError(why: string, offset: number, positions: Positions): Problem {
  return errorAt("WF_COMPOSE_YAML", positions.at(offset), [], {
    what: "the file is not valid YAML",
    why,
    fix: "correct the line, often its indentation, a missing quote or a tab",
  });
}

/** Turns offsets of a parsed text into places of the text as it was handed in. */
export class Positions {
  readonly start: Position;
  readonly #file: string;
  readonly #lineStarts: readonly number[];

  readonly #added: ReadonlyMap<number, number>;

  /** @param added spaces that mending put before a line, by its number from zero */
  constructor(file: string, text: string, added: ReadonlyMap<number, number>) {
    const starts = [0];
    for (let i = text.indexOf("\n"); i !== -1; i = text.indexOf("\n", i + 1)) starts.push(i + 1);
    this.#file = file;
    this.#added = added;
    this.#lineStarts = starts;
    this.start = { file, line: 1, column: 1 };
  }

  at(offset: number): Position {
    let low = 0;
    let high = this.#lineStarts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#lineStarts[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    const column = offset - (this.#lineStarts[low] ?? 0) - (this.#added.get(low) ?? 0) + 1;
    return { file: this.#file, line: low + 1, column: Math.max(1, column) };
  }
}
