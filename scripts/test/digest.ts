// What did not go well in a suite, in few lines: the end of `npm test` says it once more, where a long output is cut at its beginning.
import { existsSync, readFileSync } from "node:fs";
import { stripVTControlCharacters } from "node:util";

/** A test, a hook or a whole file, with the first lines of what it failed of. */
export interface DigestEntry {
  /** Path in the repository. */
  file: string;
  /** Empty for the file itself. */
  name: string;
  error: string;
}

/** What one run of vitest leaves in its digest file. */
export interface Digest {
  failed: DigestEntry[];
  /** Passed, but not at the first try. */
  laterTry: DigestEntry[];
}

/** Enough for what was expected and what came; the whole stands in the suite's own output. */
const ERROR_LINES = 5;
const LINE_CHARACTERS = 300;

/** The first lines of an error that say something, without colours. */
export function firstLines(error: string): string {
  const lines = stripVTControlCharacters(error)
    .split("\n")
    .map((line) => line.trimEnd().slice(0, LINE_CHARACTERS))
    .filter((line) => line !== "");
  return lines.slice(0, ERROR_LINES).join("\n");
}

/** The digest of a suite. One that failed and left none, or one that names nothing, was ended before its end. */
export function readDigest(path: string, hasFailed: boolean): Digest {
  const digest = existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")) as Digest) : { failed: [], laterTry: [] };
  if (hasFailed && digest.failed.length === 0)
    digest.failed.push({ file: "", name: "", error: "vitest failed, and says no more" });
  return digest;
}

/** Lines for people; none when everything passed at once. */
export function formatDigest(suites: readonly { suite: string; digest: Digest }[]): string[] {
  const list = (title: string, pick: (digest: Digest) => DigestEntry[]): string[] => {
    const entries = suites.flatMap(({ suite, digest }) => pick(digest).map((entry) => ({ suite, ...entry })));
    if (entries.length === 0) return [];
    return ["", `${title}:`, ...entries.flatMap(formatEntry)];
  };
  return [...list("failed", ({ failed }) => failed), ...list("needed a second try", ({ laterTry }) => laterTry)];
}

function formatEntry({ suite, file, name, error }: DigestEntry & { suite: string }): string[] {
  const head = [suite, file, name].filter((part) => part !== "").join(" > ");
  return [`- ${head}`, ...error.split("\n").map((line) => `    ${line}`)];
}
