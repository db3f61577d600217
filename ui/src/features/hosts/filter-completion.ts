import { wordFor } from "./fleet-words.ts";

/** What a filter may say besides labels, with the values where they are few. */
export const FILTER_KEYS: Record<string, readonly string[]> = {
  health: ["ok", "failed", "in-progress", "unknown", "empty"],
  presence: ["online", "stale", "offline", "never-seen", "quarantined", "revoked"],
  drifted: ["yes", "no"],
  stack: [],
  environment: [],
};
/** More than fits on a small screen helps nobody. */
const SHOWN_AT_MOST = 9;

export interface Word {
  /** Where the word under the caret begins and ends in the text. */
  from: number;
  to: number;
  key: string | undefined;
  /** What is typed of the key, or of the value when there is a key; without quotes. */
  typed: string;
}
export interface Completion {
  /** What stands in the text when it is taken. */
  text: string;
  label: string;
  /** A key: its values come next. */
  isKey: boolean;
}

/** The word of the filter that the caret stands in or behind. */
export function wordAt(text: string, caret: number): Word {
  let from = 0;
  let quoted = false;
  for (let index = 0; index < caret; index += 1) {
    if (text[index] === '"') quoted = !quoted;
    else if (/\s/.test(text[index] ?? "") && !quoted) from = index + 1;
  }
  const rest = /^[^\s"]*"?/.exec(text.slice(caret))?.[0].length ?? 0;
  const word = text.slice(from, caret);
  const equals = word.indexOf("=");
  return {
    from,
    to: caret + rest,
    key: equals > 0 ? word.slice(0, equals) : undefined,
    typed: (equals > 0 ? word.slice(equals + 1) : word).replaceAll('"', ""),
  };
}

/** What could stand in the place of the word: keys first, then the values of its key. Those that begin with it come first. */
export function completionsFor(
  word: Word,
  known: { labels: readonly string[]; values: readonly string[] },
): Completion[] {
  const { key } = word;
  if (key !== undefined) {
    return best(known.values, word.typed).map((value) => ({ text: wordFor(key, value), label: value, isKey: false }));
  }
  const keys = [...Object.keys(FILTER_KEYS), ...known.labels.filter((label) => !(label in FILTER_KEYS))];
  return best(keys, word.typed).map((one) => ({ text: `${one}=`, label: one, isKey: true }));
}

function best(all: readonly string[], typed: string): string[] {
  const wanted = typed.toLowerCase();
  const fits = all.filter((one) => one !== "" && one.toLowerCase().includes(wanted));
  const begins = (one: string): number => (one.toLowerCase().startsWith(wanted) ? 0 : 1);
  return fits.toSorted((a, b) => begins(a) - begins(b)).slice(0, SHOWN_AT_MOST);
}

/** The text with the completion in the place of the word, and where the caret goes. */
export function complete(text: string, word: Word, completion: Completion): { text: string; caret: number } {
  const end = completion.isKey ? "" : " ";
  const after = text.slice(word.to).trimStart();
  const before = text.slice(0, word.from) + completion.text + end;
  return { text: before + after, caret: before.length };
}
