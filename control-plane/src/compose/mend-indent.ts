// Each round mends one place; files with more of them than this are generated ones that nobody wrote by hand.
const MAX_ROUNDS = 50;
// Each round parses the whole text again; so many characters take about a second.
const MAX_PARSED_LENGTH = 1024 * 1024;

export interface IndentError {
  /** Where in the text the parser met the line, or the end of the last line of a quoted text that it understood. */
  readonly offset: number;
  /** The quote that is open there; without one a bracket is. */
  readonly quote?: '"' | "'" | undefined;
}

export interface Indented {
  readonly text: string;
  /** Spaces put before a line, by its number from zero. */
  readonly added: ReadonlyMap<number, number>;
}

/**
 * Indents the lines of bracketed collections and of quoted texts that stand further left than YAML wants. docker compose reads them all
 * the same, and people write them: a `command: [` with its words and its bracket at the left margin, a script between quotes.
 * @param firstError the first complaint of that kind about a text, undefined when there is none
 */
export function mendIndent(text: string, firstError: (text: string) => IndentError | undefined): Indented | undefined {
  const lines = text.split("\n");
  const deeper = Math.max(...lines.map((line) => line.length - line.trimStart().length)) + 1;
  const added = new Map<number, number>();
  let current = text;
  const rounds = Math.min(MAX_ROUNDS, Math.ceil(MAX_PARSED_LENGTH / text.length));
  for (let round = 0; round < rounds; round++) {
    const error = firstError(current);
    if (error === undefined) return added.size === 0 ? undefined : { text: current, added };
    const line = current.slice(0, error.offset).split("\n").length - 1;
    const start = error.quote === undefined ? line : line + 1;
    const end = error.quote === undefined ? endOfCollection(lines, start) : endOfQuote(lines, start, error.quote);
    if (end === undefined) return undefined;
    let mended = false;
    for (let i = start; i <= end; i++) {
      if (added.has(i)) continue;
      mended = true;
      added.set(i, deeper);
    }
    if (!mended) return undefined;
    current = lines.map((line, i) => " ".repeat(added.get(i) ?? 0) + line).join("\n");
  }
  return undefined;
}

/** The line on which a quote closes that is open where a line begins; undefined when none does, or a document ends before. */
function endOfQuote(lines: readonly string[], start: number, quote: '"' | "'"): number | undefined {
  const closing = quote === '"' ? /^(?:[^"\\]|\\.)*"/ : /^(?:[^']|'')*'(?!')/;
  for (let i = start; i < lines.length; i++) {
    const line = lines[i] ?? "";
    if (/^(---|\.\.\.)(\s|$)/.test(line)) return undefined;
    if (closing.test(line)) return i;
  }
  return undefined;
}

/** The line on which the bracket closes that is open where a line begins; undefined when none does. */
function endOfCollection(lines: readonly string[], start: number): number | undefined {
  let depth = 1;
  let quote = "";
  for (let i = start; i < lines.length; i++) {
    const line = lines[i] ?? "";
    for (let j = 0; j < line.length; j++) {
      const character = line[j] ?? "";
      if (quote !== "") {
        if (character === "\\" && quote === '"') j += 1;
        else if (character === quote) quote = "";
      } else if (character === "#" && (j === 0 || /\s/.test(line[j - 1] ?? ""))) break;
      else if (character === '"' || character === "'") quote = character;
      else if (character === "[" || character === "{") depth += 1;
      else if ((character === "]" || character === "}") && --depth === 0) return i;
    }
  }
  return undefined;
}
