/** Whether a path of a build context stays out of it. */
export type Ignored = (path: string) => boolean;

/** What may still be compared: patterns times files times their folders could keep the process busy for minutes. */
export interface Effort {
  left: number;
}

/** Thrown by {@link Ignored} when the effort is spent. */
export class TooManyPatterns extends Error {
  override readonly name = "TooManyPatterns";
}

// Some tenths of a second; twenty thousand files and fifty patterns take a quarter of it.
export const COMPARISONS = 50_000_000;

/**
 * The rules of a .dockerignore as the docker CLI reads them: patterns of Go's filepath.Match with `**`, `!` takes a path back in, the last
 * pattern that matches decides, and a pattern that matches a folder matches everything in it.
 */
export function dockerignore(text: string, effort: Effort = { left: COMPARISONS }): Ignored {
  const spend = (comparisons: number): void => {
    effort.left -= comparisons;
    if (effort.left < 0) throw new TooManyPatterns("the effort is spent");
  };
  const patterns = text
    .replace(/^\uFEFF/, "")
    .split(/\r?\n/)
    .filter((line) => !line.startsWith("#"))
    .map((line) => line.trim())
    .filter((line) => line !== "")
    .flatMap((line) => {
      const except = line.startsWith("!");
      const pattern = clean(except ? line.slice(1).trim() : line);
      return pattern === "" ? [] : [{ except, matches: matcherOf(pattern, spend) }];
    });
  return (path) => {
    let ignored = false;
    const levels = withFolders(path);
    spend(levels.length ** 2);
    for (const { except, matches } of patterns) {
      if (except === ignored && levels.some((level) => matches(level))) ignored = !except;
    }
    return ignored;
  };
}

/** A path by its names, each by its characters. */
type Names = readonly (readonly string[])[];

// The path itself, and every folder that it is in.
function withFolders(path: string): Names[] {
  const names = path.split("/").map((name) => [...name]);
  return names.map((_, i) => names.slice(0, i + 1));
}

// As Go's filepath.Clean does, without the slash that only says "from the context's root".
function clean(pattern: string): string {
  const parts: string[] = [];
  for (const part of pattern.split("/")) {
    if (part === "" || part === ".") continue;
    if (part === ".." && parts.length > 0 && parts.at(-1) !== "..") parts.pop();
    else parts.push(part);
  }
  return parts.join("/");
}

/** One character of a pattern, or a run of any. */
type Token = { readonly star: true } | { readonly star?: false; matches(char: string): boolean };

const STAR: Token = { star: true };
const ANY_FOLDERS = "**";

/** Both levels go back to the last star only, so that no pattern takes longer than its length times that of the path. */
function matcherOf(pattern: string, spend: (comparisons: number) => void): (path: Names) => boolean {
  const folders = pattern
    .split("/")
    .map((part) => (part === ANY_FOLDERS ? { star: true as const } : { star: false as const, tokens: tokensOf(part) }));
  const charFits = (token: Token, char: string): boolean => {
    spend(1);
    return charMatches(token, char);
  };
  return (path) =>
    matchRun(folders, path, (folder, name) => {
      spend(1);
      return folder.star || matchRun(folder.tokens, name, charFits);
    });
}

function charMatches(token: Token, char: string): boolean {
  return token.star === true || token.matches(char);
}

function matchRun<Pattern extends { readonly star?: boolean }, Item>(
  pattern: readonly Pattern[],
  items: readonly Item[],
  fits: (one: Pattern, item: Item) => boolean,
): boolean {
  let at = 0;
  let lastStar = -1;
  let resumeFrom = 0;
  for (let i = 0; i < items.length;) {
    const one = pattern[at];
    if (one?.star === true) {
      lastStar = at++;
      resumeFrom = i;
    } else if (one !== undefined && fits(one, items[i] as Item)) {
      at++;
      i++;
    } else if (lastStar >= 0) {
      at = lastStar + 1;
      i = ++resumeFrom;
    } else return false;
  }
  return pattern.slice(at).every((one) => one.star === true);
}

function tokensOf(part: string): Token[] {
  const tokens: Token[] = [];
  for (let i = 0; i < part.length; i++) {
    const char = part[i] ?? "";
    const end = char === "[" ? part.indexOf("]", i + 2) : -1;
    if (char === "*") tokens.push(STAR);
    else if (char === "?") tokens.push({ matches: () => true });
    else if (end > 0) {
      tokens.push(classOf(part.slice(i + 1, end)));
      i = end;
    } else {
      const literal = char === "\\" && i + 1 < part.length ? part[++i] : char;
      tokens.push({ matches: (other) => other === literal });
    }
  }
  return tokens;
}

// `abc`, `a-z`, `^a-z`.
function classOf(body: string): Token {
  const negated = body.startsWith("^");
  const chars = negated ? body.slice(1) : body;
  const inside = (char: string): boolean => {
    for (let i = 0; i < chars.length; i++) {
      const first = chars[i] ?? "";
      const last = chars[i + 1] === "-" && i + 2 < chars.length ? (chars[i + 2] ?? "") : first;
      if (first <= char && char <= last) return true;
      if (last !== first) i += 2;
    }
    return false;
  };
  return { matches: (char) => inside(char) !== negated };
}
