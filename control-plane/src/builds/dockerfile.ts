/** What a Dockerfile takes from registries. */
export interface BaseImages {
  readonly images: readonly string[];
  /** A name is made of an argument, or another frontend reads the file: then it may be any image. */
  readonly unknown: boolean;
}

const SCRATCH = "scratch";
// No reference to an image is longer: what is may be any image.
const NAME_CHARACTERS = 1_000;

/**
 * The images that a Dockerfile starts or copies from. Names made of arguments are filled in from `args` and from the defaults before the
 * first FROM.
 */
export function baseImages(text: string, args: Readonly<Record<string, string>>): BaseImages {
  const images = new Set<string>();
  const stages = new Set<string>();
  const defaults = new Map<string, string>();
  const given = new Map(Object.entries(args));
  let unknown = false;
  let begun = false;
  const take = (written: string): void => {
    const name = filledIn(written, (argument) => given.get(argument) ?? defaults.get(argument));
    if (name === undefined) unknown = true;
    else if (name !== SCRATCH && !stages.has(name.toLowerCase()) && !/^\d+$/.test(name)) images.add(name);
  };
  for (const line of instructions(text)) {
    const syntax = /^#\s*syntax\s*=\s*(\S+)/i.exec(line)?.[1];
    if (syntax !== undefined) take(syntax);
    const [, argument, value] = /^ARG\s+(\w+)=("[^"]*"|'[^']*'|\S*)/i.exec(line) ?? [];
    if (!begun && argument !== undefined) defaults.set(argument, (value ?? "").replace(/^["']|["']$/g, ""));
    const [, from, stage] = /^FROM\s+(?:--\S+\s+)*(\S+)(?:\s+AS\s+(\S+))?/i.exec(line) ?? [];
    if (from !== undefined) {
      begun = true;
      take(from);
      if (stage !== undefined) stages.add(stage.toLowerCase());
    }
    for (const source of sourcesOf(line)) take(source);
  }
  return { images: [...images].toSorted(), unknown };
}

// A comment of the file's first lines says who reads it; all others say nothing.
function instructions(text: string): string[] {
  const joined = text.replaceAll(/\\[ \t]*\r?\n/g, " ").split(/\r?\n/);
  const first = joined.findIndex((line) => !line.trim().startsWith("#"));
  return joined
    .map((line) => line.trim())
    .filter((line, i) => line !== "" && (!line.startsWith("#") || first < 0 || i < first));
}

/** What `COPY --from=…` and `RUN --mount=…,from=…` name. Word by word: a line may have as many characters as the file. */
function sourcesOf(line: string): string[] {
  const [instruction = "", ...words] = line.split(/\s+/);
  const end = words.findIndex((word) => !word.startsWith("--"));
  const flags = words.slice(0, end < 0 ? words.length : end);
  const valuesOf = (key: string, among: readonly string[]): string[] =>
    among.flatMap((one) => (one.toLowerCase().startsWith(key) ? [one.slice(key.length)] : []));
  if (/^copy$/i.test(instruction)) return valuesOf("--from=", flags);
  if (!/^run$/i.test(instruction)) return [];
  return valuesOf("--mount=", flags).flatMap((mount) => valuesOf("from=", mount.replaceAll('"', "").split(",")));
}

/** Undefined when a name stays open. */
function filledIn(name: string, valueOf: (argument: string) => string | undefined): string | undefined {
  if (name.length > NAME_CHARACTERS) return undefined;
  const filled = name.replaceAll(
    /\$(?:\{(\w+)(?::-([^}]*))?\}|(\w+))/g,
    (whole, braced?: string, otherwise?: string, bare?: string) => {
      const value = valueOf(braced ?? bare ?? "") ?? "";
      return value.length > NAME_CHARACTERS ? whole : value === "" ? (otherwise ?? whole) : value;
    },
  );
  return filled.includes("$") || filled.length > NAME_CHARACTERS ? undefined : filled;
}
