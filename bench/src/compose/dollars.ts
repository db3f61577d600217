/** The tool prints every dollar sign twice; this takes the second away, in keys too. */
export function unescapeDollars(value: unknown): unknown {
  if (typeof value === "string") return value.replaceAll("$$", "$");
  if (Array.isArray(value)) return value.map(unescapeDollars);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => [String(unescapeDollars(key)), unescapeDollars(member)]),
  );
}
