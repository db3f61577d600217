/** Far more than any file has, and few enough for the parser, whose time grows with the square of the depth. */
const MAX_PARSED_DEPTH = 1000;

/**
 * Whether a text may nest so deeply that parsing it would take minutes. Counts brackets wherever they stand, also in quotes and scripts,
 * so that nothing has to be understood first; real texts close about as many as they open.
 */
export function maybeTooDeep(text: string): boolean {
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 0x5b || code === 0x7b) {
      depth += 1;
      if (depth > MAX_PARSED_DEPTH) return true;
    } else if ((code === 0x5d || code === 0x7d) && depth > 0) depth -= 1;
  }
  return hasLongRunOfIndicators(text);
}

// `- - - …` on one line nests a list with each dash, and `? ? …` a map.
function hasLongRunOfIndicators(text: string): boolean {
  let run = 0;
  for (let i = 0; i < text.length; i++) {
    const character = text[i];
    if (character === " " || character === "\t") continue;
    const next = text[i + 1];
    const indicator = (character === "-" || character === "?") && (next === " " || next === "\t");
    run = indicator ? run + 1 : 0;
    if (run > MAX_PARSED_DEPTH) return true;
  }
  return false;
}
