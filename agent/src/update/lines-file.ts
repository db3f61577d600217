/** KEY=VALUE lines, as the launcher reads and writes them too; see installer/launch.sh. */
export type Lines = Readonly<Record<string, string>>;

/** Values are percent-encoded where they hold anything but plain characters, so that each is one line whatever it says. */
export function formatLines(lines: Lines): string {
  return Object.entries(lines)
    .map(([key, value]) => `${key}=${encodeURIComponent(value)}\n`)
    .join("");
}

/** Lines that are none are passed over: a newer agent may have written them. */
export function parseLines(text: string): Lines {
  const lines: Record<string, string> = {};
  for (const line of text.split("\n")) {
    const at = line.indexOf("=");
    if (at > 0) lines[line.slice(0, at)] = decoded(line.slice(at + 1));
  }
  return lines;
}

/** A whole number that is not negative; undefined for anything else. */
export function wholeNumber(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : undefined;
}

function decoded(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}
