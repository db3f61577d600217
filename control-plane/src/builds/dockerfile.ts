/** What a Dockerfile takes from registries. */
export interface BaseImages {
  readonly images: readonly string[];
  /** A name is made of an argument, or another frontend reads the file: then it may be any image. */
  readonly unknown: boolean;
}

const SCRATCH = "scratch";

/**
 * The images that a Dockerfile starts or copies from. Names made of arguments are filled in from `args` and from the defaults before the
 * first FROM.
 */
export function baseImages(text: string, args: Readonly<Record<string, string>>): BaseImages {
  const images = new Set<string>();
  const stages = new Set<string>();
  const defaults: Record<string, string> = {};
  let unknown = false;
  let begun = false;
  const take = (written: string): void => {
    const name = filledIn(written, { ...defaults, ...args });
    if (name === undefined) unknown = true;
    else if (name !== SCRATCH && !stages.has(name.toLowerCase()) && !/^\d+$/.test(name)) images.add(name);
  };
  for (const line of instructions(text)) {
    const syntax = /^#\s*syntax\s*=\s*(\S+)/i.exec(line)?.[1];
    if (syntax !== undefined) take(syntax);
    const [, argument, value] = /^ARG\s+(\w+)=("[^"]*"|'[^']*'|\S*)/i.exec(line) ?? [];
    if (!begun && argument !== undefined) defaults[argument] = (value ?? "").replace(/^["']|["']$/g, "");
    const [, from, stage] = /^FROM\s+(?:--\S+\s+)*(\S+)(?:\s+AS\s+(\S+))?/i.exec(line) ?? [];
    if (from !== undefined) {
      begun = true;
      take(from);
      if (stage !== undefined) stages.add(stage.toLowerCase());
    }
    for (const [, source = ""] of line.matchAll(/(?:^COPY\s.*?--from=|^RUN\s.*?--mount=\S*?\bfrom=)([^\s,]+)/gi))
      take(source);
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

/** Undefined when a name stays open. */
function filledIn(name: string, values: Readonly<Record<string, string>>): string | undefined {
  const filled = name.replaceAll(
    /\$(?:\{(\w+)(?::-([^}]*))?\}|(\w+))/g,
    (whole, braced?: string, otherwise?: string, bare?: string) => {
      const value = values[braced ?? bare ?? ""];
      return value === undefined || value === "" ? (otherwise ?? whole) : value;
    },
  );
  return filled.includes("$") ? undefined : filled;
}
