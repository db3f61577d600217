import { fail, type KeyPath, type Position } from "./problem.ts";

export interface ShortVolume {
  readonly type: "bind" | "volume";
  readonly source: string;
  readonly target: string;
  readonly readOnly: boolean;
  readonly nocopy: boolean;
  /** Two characters or less: the tool reads no more into it than a target. */
  readonly bare: boolean;
  readonly propagation?: string;
  readonly selinux?: string;
}

const PROPAGATIONS: ReadonlySet<string> = new Set(["rprivate", "private", "rshared", "shared", "rslave", "slave"]);

/** Reads `[SOURCE:]TARGET[:OPTIONS]`. A source that begins with `.`, `/`, `~` or a drive letter is a path of the host, any other names a volume. */
export function parseShortVolume(text: string, at: Position, path: KeyPath): ShortVolume {
  const refuse = (why: string): never =>
    fail("WF_COMPOSE_SYNTAX", at, path, {
      what: `"${text}" is not a volume`,
      why,
      fix: "write VOLUME:/path, ./path:/path or /path",
    });
  if (text === "") return refuse("it is empty");
  if (text.length <= 2) return { ...anonymous(text), bare: true };
  const parts = splitAtColons(text);
  if (parts.includes("")) return refuse("there is nothing between two colons, or before or after one");
  const [first = "", second, options, ...more] = parts;
  if (more.length > 0) return refuse("it has too many colons");
  if (second === undefined) return anonymous(first);
  return withOptions(first, second, options?.split(",") ?? []);
}

function anonymous(target: string): ShortVolume {
  return { type: "volume", source: "", target, readOnly: false, nocopy: false, bare: false };
}

function withOptions(source: string, target: string, options: readonly string[]): ShortVolume {
  // Unknown options are passed over, as the tool does.
  const propagation = options.findLast((option) => PROPAGATIONS.has(option));
  const selinux = options.findLast((option) => option === "z" || option === "Z");
  const access = options.findLast((option) => option === "ro" || option === "rw");
  return {
    type: isHostPath(source) ? "bind" : "volume",
    source,
    target,
    readOnly: access === "ro",
    nocopy: options.includes("nocopy"),
    bare: false,
    ...(propagation === undefined ? {} : { propagation }),
    ...(selinux === undefined ? {} : { selinux }),
  };
}

// The colon of a drive letter (`C:\data`) separates nothing.
function splitAtColons(text: string): string[] {
  const parts: string[] = [];
  let part = "";
  for (const character of text) {
    if (character === ":" && !/^\p{L}$/u.test(part)) {
      parts.push(part);
      part = "";
    } else part += character;
  }
  return [...parts, part];
}

export function isHostPath(source: string): boolean {
  return /^([./~]|\\\\|\p{L}:)/u.test(source);
}
