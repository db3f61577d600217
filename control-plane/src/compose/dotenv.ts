import { InterpolationError, interpolateText } from "./interpolate-text.ts";

export class EnvFileError extends Error {
  readonly line: number;
  constructor(line: number, message: string) {
    super(message);
    this.name = "EnvFileError";
    this.line = line;
  }
}

type Get = (name: string) => string | undefined;

const KEY_CHARACTER = /[\p{L}\p{N}_.[\]-]/u;
// White space within a line, and white space at all, as Go's unicode package has them: a byte order mark is none.
const BLANK = /[\t\v\f\r \u0085\u00a0]/;
const SPACE = /[\t\n\v\f\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/;

/**
 * Reads an env file as docker compose does: `KEY=value`, `KEY: value`, `export KEY=value`, quotes, escapes, comments, and variables in values.
 * A bare `KEY` takes its value from the surroundings, and is left out when they have none.
 * @param get the surroundings, which win over what the file itself says while variables are put in
 * @param earlier what files before this one say, which counts last
 * @throws EnvFileError with the line
 */
export function parseEnvFile(text: string, get: Get, earlier: Get = () => undefined): Map<string, string> {
  const source = text.replace(/^\ufeff/, "");
  const found = new Map<string, string>();
  const reader = new Reader(source, (name) => get(name) ?? found.get(name) ?? earlier(name));
  for (;;) {
    const key = reader.nextKey();
    if (key === undefined) return found;
    if (key.inherited) {
      const value = get(key.name);
      if (value !== undefined) found.set(key.name, value);
    } else found.set(key.name, reader.value());
  }
}

/** Reads an env file in the format `raw`: what stands behind the first `=` is the value, as it is. */
export function parseRawEnvFile(text: string, get: Get): Map<string, string> {
  const found = new Map<string, string>();
  for (const [i, line] of text
    .replace(/^\ufeff/, "")
    .split("\n")
    .entries()) {
    const trimmed = line.trimStart().replace(/\r$/, "");
    if (trimmed === "" || trimmed.startsWith("#")) continue;
    const equals = trimmed.indexOf("=");
    const key = equals === -1 ? trimmed : trimmed.slice(0, equals);
    if (key === "" || /\s/.test(key)) throw new EnvFileError(i + 1, `"${key}" is not a variable's name`);
    const value = equals === -1 ? get(key) : trimmed.slice(equals + 1);
    if (value !== undefined) found.set(key, value);
  }
  return found;
}

class Reader {
  readonly #source: string;
  readonly #get: Get;
  #position = 0;

  constructor(source: string, get: Get) {
    this.#source = source;
    this.#get = get;
  }

  nextKey(): { name: string; inherited: boolean } | undefined {
    this.#skipToStatement();
    if (this.#position >= this.#source.length) return undefined;
    this.#skipExport();
    const start = this.#position;
    let end = start;
    for (; end < this.#source.length; end++) {
      const character = this.#source[end] ?? "";
      if (character === "=" || character === ":" || character === "\n") break;
      if (BLANK.test(character)) continue;
      if (!KEY_CHARACTER.test(characterAt(this.#source, end))) {
        throw this.#error(`unexpected character "${characterAt(this.#source, end)}" in a variable's name`);
      }
      end += characterAt(this.#source, end).length - 1;
    }
    if (end >= this.#source.length) {
      if (start >= this.#source.length) throw this.#error("export names no variable");
      // The tool takes a last line without a line break for the value of a variable without a name.
      return { name: "", inherited: false };
    }
    const name = trimSpaceAtEnd(this.#source.slice(start, end));
    if (name.includes(" ")) throw this.#error(`the name "${name}" has a space in it`);
    const inherited = this.#source[end] === "\n";
    this.#position = end + 1;
    if (inherited) this.#skipBlanks();
    return { name, inherited };
  }

  value(): string {
    this.#skipBlanks();
    const quote = this.#source[this.#position];
    if (quote === "'" || quote === '"') return this.#quoted(quote);
    const newline = this.#source.indexOf("\n", this.#position);
    const end = newline === -1 ? this.#source.length : newline;
    const line = this.#source.slice(this.#position, end);
    const comment = line.indexOf(" #");
    const raw = trimSpaceAtEnd(comment === -1 ? line : line.slice(0, comment));
    const expanded = this.#expand(raw);
    this.#position = Math.min(end + 1, this.#source.length);
    return expanded;
  }

  // A backslash protects the quote behind it and is dropped there; before anything else both stay, and so do two of them.
  #quoted(quote: string): string {
    const start = this.#position + 1;
    const pieces: string[] = [];
    let from = start;
    let escaping = false;
    for (let i = start; i < this.#source.length; i++) {
      const character = this.#source[i];
      if (character !== quote) {
        escaping = !escaping && character === "\\";
        continue;
      }
      pieces.push(this.#source.slice(from, escaping ? i - 1 : i));
      from = i;
      if (escaping) {
        escaping = false;
        continue;
      }
      const raw = pieces.join("");
      const text = quote === '"' ? this.#expand(unescape(raw)) : raw;
      this.#position = i + 1;
      return text;
    }
    throw this.#error("a quote is not closed");
  }

  #expand(text: string): string {
    try {
      return interpolateText(text, { get: this.#get });
    } catch (error) {
      if (error instanceof InterpolationError) throw this.#error(error.message);
      throw error;
    }
  }

  #skipToStatement(): void {
    for (;;) {
      while (SPACE.test(this.#source[this.#position] ?? "")) this.#position += 1;
      if (this.#source[this.#position] !== "#") return;
      const newline = this.#source.indexOf("\n", this.#position);
      this.#position = newline === -1 ? this.#source.length : newline;
    }
  }

  #skipExport(): void {
    if (!/^export[\t\n\f\r ]/.test(this.#source.slice(this.#position, this.#position + 7))) return;
    this.#position += "export".length;
    this.#skipBlanks();
  }

  #skipBlanks(): void {
    while (BLANK.test(this.#source[this.#position] ?? "")) this.#position += 1;
  }

  #error(message: string): EnvFileError {
    const before = this.#source.slice(0, this.#position);
    return new EnvFileError(before.split("\n").length, message);
  }
}

function characterAt(text: string, index: number): string {
  return String.fromCodePoint(text.codePointAt(index) ?? 0);
}

function trimSpaceAtEnd(text: string): string {
  let end = text.length;
  while (SPACE.test(text[end - 1] ?? "")) end -= 1;
  return text.slice(0, end);
}

const ESCAPES: Readonly<Record<string, string>> = {
  a: "\u0007",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
  '"': '"',
  "\\": "\\",
  // Interpolation turns it into one dollar sign that begins no variable.
  $: "$$",
};

// Three octal digits can say more than a byte holds.
const MAX_OCTAL_ESCAPE = 0o377;

function unescape(text: string): string {
  return text.replace(/\\(?:([abfnrtv$"\\])|0([0-7]{3}))/g, (whole, letter?: string, octal?: string) => {
    if (letter !== undefined) return ESCAPES[letter] ?? whole;
    const code = Number.parseInt(octal ?? "0", 8);
    return code > MAX_OCTAL_ESCAPE ? whole : String.fromCharCode(code);
  });
}
