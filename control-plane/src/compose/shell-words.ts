/** Splits a command line into words as docker compose does: blanks separate, quotes and backslashes protect; nothing is expanded. Undefined when a quote is not closed. */
export function splitShellWords(line: string): string[] | undefined {
  const words: string[] = [];
  let word = "";
  let begun = false;
  let quote = "";
  let escaped = false;
  for (const character of line) {
    if (escaped) {
      word += character;
      begun = true;
      escaped = false;
    } else if (character === "\\" && quote !== "'") {
      escaped = true;
    } else if (quote !== "") {
      if (character === quote) quote = "";
      else word += character;
    } else if (character === '"' || character === "'") {
      quote = character;
      begun = true;
    } else if (/[ \t\r\n]/.test(character)) {
      if (begun || word !== "") words.push(word);
      word = "";
      begun = false;
    } else word += character;
  }
  if (quote !== "" || escaped) return undefined;
  if (begun || word !== "") words.push(word);
  return words;
}
