const REDACTED = "[REDACTED]";
/** Shorter ones turn up by chance; a text full of holes says nothing. */
const SHORTEST = 6;
/** Of a text of many lines, such as a key, each long enough line for itself. */
const SHORTEST_LINE = 16;
/** Of a command, an argument for itself: usual words stay. */
const SHORTEST_WORD = 10;

const PEM = /-----BEGIN [A-Z ]+-----[\s\S]*?(?:-----END [A-Z ]+-----|$)/g;
/** What looks like a secret wherever it came from; what stays before it is the first group. */
const PATTERNS: readonly RegExp[] = [
  // Of URLs, with or without a name before the password.
  /([a-z][a-z0-9+.-]*:\/\/)[^\s/@"']+(?=@)/gi,
  // Our own tokens, to join and for programs, and those of HTTP.
  /(\bwf[jt]_)[\w-]{8,}/g,
  /((?:bearer|basic)\s+)[\w.~+/=-]{8,}/gi,
  /((?:password|passwd|passphrase|secret|token|credential|api_?key|private_?key)\w*["']?\s*[=:]\s*["']?)[^\s"',;}]+/gi,
];

/** Takes secrets out of a text: those that are known, and what looks like one. */
export function createRedactor(known: Iterable<string>): (text: string) => string {
  const texts = new Set<string>();
  for (const secret of known) {
    if (secret.length >= SHORTEST) texts.add(secret);
    for (const line of secret.split("\n")) if (line.length >= SHORTEST_LINE) texts.add(line);
    for (const word of secret.split(/[\s=,;]+/)) if (word.length >= SHORTEST_WORD) texts.add(word);
    // As it stands in a line of JSON.
    const quoted = JSON.stringify(secret).slice(1, -1);
    if (quoted.length >= SHORTEST) texts.add(quoted);
  }
  // The longest first: one may be a part of another.
  const longestFirst = [...texts].toSorted((a, b) => b.length - a.length);
  return (text) => {
    // Whole blocks before their known lines, or their ends would not be found.
    const withoutBlocks = text.replaceAll(PEM, REDACTED);
    const unknown = longestFirst.reduce((rest, secret) => rest.replaceAll(secret, REDACTED), withoutBlocks);
    return PATTERNS.reduce((rest, pattern) => rest.replaceAll(pattern, `$1${REDACTED}`), unknown);
  };
}

/** The same for every text in a value, so that what was JSON stays JSON. */
export function redactBelow(value: unknown, redact: (text: string) => string): unknown {
  if (typeof value === "string") return redact(value);
  if (Array.isArray(value)) return value.map((one) => redactBelow(one, redact));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [redact(key), redactBelow(one, redact)]));
}
