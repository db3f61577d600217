/** A typed command as its words: quotes hold spaces together, nothing else has a meaning. */
export function commandWords(text: string): string[] {
  const words = text.match(/"[^"]*"|'[^']*'|\S+/g) ?? [];
  return words.map((word) => (/^(["']).*\1$/s.test(word) && word.length > 1 ? word.slice(1, -1) : word));
}
export const commandText = (words: readonly string[]): string =>
  words
    .map((word) => (word === "" || /\s/.test(word) ? (word.includes('"') ? `'${word}'` : `"${word}"`) : word))
    .join(" ");
