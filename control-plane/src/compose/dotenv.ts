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
// White space within a line, as Go's unicode package has it.
const BLANK = /[\t\v\f\r \u0085\u00a0]/;

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
    const keyword = /^export[ \t]+/.exec(this.#source.slice(this.#position, this.#position + 64));
    this.#position += keyword?.[0].length ?? 0;
    const start = this.#position;
    let end = start;
    for (; end < this.#source.length; end++) {
      const character = this.#source[end] ?? "";
      if (character === "=" || character === ":" || character === "\n") break;
      if (BLANK.test(character)) continue;
      if (!KEY_CHARACTER.test(character)) {
        throw this.#error(`unexpected character "${character}" in a variable's name`);
      }
    }
    const name = this.#source.slice(start, end).trimEnd();
    if (/[ \t]/.test(name)) throw this.#error(`the name "${name}" has a space in it`);
    const separator = this.#source[end];
    this.#position = Math.min(end + 1, this.#source.length);
    return { name, inherited: separator === undefined || separator === "\n" };
  }

  value(): string {
    while (BLANK.test(this.#source[this.#position] ?? "")) this.#position += 1;
    const quote = this.#source[this.#position];
    if (quote === "'" || quote === '"') return this.#quoted(quote);
    const newline = this.#source.indexOf("\n", this.#position);
    const end = newline === -1 ? this.#source.length : newline;
    const line = this.#source.slice(this.#position, end);
    const comment = line.indexOf(" #");
    const raw = (comment === -1 ? line : line.slice(0, comment)).trimEnd();
    const expanded = this.#expand(raw);
    this.#position = Math.min(end + 1, this.#source.length);
    return expanded;
  }

  #quoted(quote: string): string {
    const start = this.#position + 1;
    for (let i = start; i < this.#source.length; i++) {
      if (this.#source[i] !== quote || this.#source[i - 1] === "\\") continue;
      const raw = this.#source.slice(start, i);
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
      while (/\s/.test(this.#source[this.#position] ?? "")) this.#position += 1;
      if (this.#source[this.#position] !== "#") return;
      const newline = this.#source.indexOf("\n", this.#position);
      this.#position = newline === -1 ? this.#source.length : newline;
    }
  }

  #error(message: string): EnvFileError {
    const before = this.#source.slice(0, this.#position);
    return new EnvFileError(before.split("\n").length, message);
  }
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

function unescape(text: string): string {
  return text.replace(/\\(?:([abfnrtv$"\\])|0([0-7]{3}))/g, (whole, letter?: string, octal?: string) => {
    if (letter !== undefined) return ESCAPES[letter] ?? whole;
    return String.fromCharCode(Number.parseInt(octal ?? "0", 8));
  });
}
