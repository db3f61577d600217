// docker compose takes all of these for the end of a line. One character stands for one, so that offsets stay.
const OTHER_BREAKS = /\r(?!\n)|[\u0085\u2028\u2029]/g;
// Tab, line feed, carriage return, next line: all other control characters are refused anywhere in a file, even in a comment.
const ALLOWED_CONTROLS: ReadonlySet<number> = new Set([0x09, 0x0a, 0x0d, 0x85]);
const BYTE_ORDER_MARK = 0xfeff;

/** The text with every line ended by a line feed, with or without a carriage return before it. */
export function withPlainBreaks(text: string): string {
  return text.replace(OTHER_BREAKS, "\n");
}

/** Where the first character stands that no YAML file may hold; undefined when there is none. */
export function forbiddenCharacter(text: string): number | undefined {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    // Nearly all characters of a file are of this range.
    if (code >= 0x20 && code < 0x7f) continue;
    if (isForbidden(code) || (code === BYTE_ORDER_MARK && i > 0)) return i;
  }
  return undefined;
}

// Control characters and what is no character at all. A byte order mark may begin the file.
function isForbidden(code: number): boolean {
  if (code < 0xa0) return !ALLOWED_CONTROLS.has(code);
  return code === 0xfffe || code === 0xffff;
}
