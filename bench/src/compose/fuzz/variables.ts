// Variables in all forms, whole and broken, in values, keys and env files.
import type { Stack } from "../tool.ts";
import type { Random } from "./random.ts";

const NAMES = ["A", "B", "EMPTY", "UNSET", "_x", "a1", "NUM", "LIST", "DOLLAR", "é", "1A", "A-B", "", "A.B", "*", "?"];
const USUAL = NAMES.slice(0, 9);
const OPERATORS = [":-", "-", ":?", "?", ":+", "+", ":=", "=", ":", "/", "#", "%", " :- ", "::-", ":--", "!", "^^"];
const PLAIN = [
  "x",
  "",
  " ",
  "a b",
  ":",
  "/",
  "}",
  "{",
  "$",
  "$$",
  "$$$",
  "\\",
  "'",
  '"',
  "-",
  "?",
  "#c",
  "é",
  "${",
  "$}",
  "$1",
  "$(x)",
  "%s",
  "\\$",
  "$-",
  "\t",
  "\u{1f600}",
  "|",
  "[",
  "]",
  ",",
  "*",
  "&",
  "!",
  ">",
  "@",
  "`",
];

function name(random: Random): string {
  return random.pick(random.chance(0.9) ? USUAL : NAMES);
}

/** A text with variables, nested up to a depth. */
export function template(random: Random, depth = 3): string {
  const parts = Array.from({ length: 1 + random.below(3) }, () => part(random, depth));
  return parts.join("");
}

function part(random: Random, depth: number): string {
  const kind = random.below(10);
  if (kind < 3) return random.pick(PLAIN);
  if (kind < 4) return `$${name(random)}`;
  if (kind < 5) return `$\${${name(random)}}`;
  if (kind < 6 || depth === 0) return `\${${name(random)}}`;
  const operator = random.pick(random.chance(0.85) ? OPERATORS.slice(0, 6) : OPERATORS);
  const closing = random.chance(0.95) ? "}" : "";
  return `\${${name(random)}${operator}${template(random, depth - 1)}${closing}`;
}

const ENVIRONMENT = {
  A: "alpha",
  B: "b b",
  EMPTY: "",
  _x: "under",
  a1: "one",
  NUM: "8080",
  LIST: "[a, b]",
  DOLLAR: "$A",
};

export function variableCase(random: Random): Stack {
  const value = (): string => JSON.stringify(template(random));
  const text = [
    "services:",
    "  a:",
    random.chance(0.2) ? `    image: ${value()}` : "    image: img",
    `    hostname: ${value()}`,
    ...(random.chance(0.3) ? [`    environment: {K: ${value()}, ${value()}: v}`] : []),
    ...(random.chance(0.3) ? [`    labels: [${value()}]`] : []),
    ...(random.chance(0.2) ? [`    command: [${value()}]`] : []),
    ...(random.chance(0.1) ? [`    user: ${plainTemplate(random)}`] : []),
    ...(random.chance(0.1) ? [`    x-y: {k: ${value()}}`] : []),
    ...(random.chance(0.2)
      ? [`    ${random.pick(["init", "privileged", "scale", "cpus", "mem_limit"])}: ${value()}`]
      : []),
  ].join("\n");
  return {
    files: { "compose.yaml": `${text}\n` },
    composeFiles: ["compose.yaml"],
    environment: ENVIRONMENT,
    profiles: [],
  };
}

// Without quotes, as most are written.
function plainTemplate(random: Random): string {
  return template(random, 1).replaceAll(/[\n\t]/g, " ");
}

const KEYS = [
  "A",
  "K",
  "K1",
  "a.b",
  "export X",
  "export\tY",
  "é",
  "K K",
  "",
  "1",
  "[x]",
  "a-b",
  "K:",
  "\tT",
  "  S",
  "exportZ",
  "\ufeffBOM",
];
const SEPARATORS = ["=", "=", "=", "=", " = ", ": ", ":", "", " ", "==", "=\t"];
const VALUES = [
  "v",
  "",
  "a b",
  "a#b",
  "a #c",
  "# c",
  "'s'",
  '"d"',
  "'s' t",
  '"d" # c',
  "'$A'",
  '"$A"',
  "$A",
  "${K}",
  "${UNSET:-d}",
  "${UNSET:?e}",
  '"l\\nm"',
  "'l\\nm'",
  '"a\\"b"',
  "'a\\'b'",
  '"two\nlines"',
  "'two\nlines'",
  "`b`",
  '"open',
  "'open",
  "\\n",
  "$$",
  '"\\$A"',
  "\\$A",
  " lead",
  "trail ",
  "\t",
  "x=y",
  "a\\ b",
  '"a\\\\"',
  '"\\t\\v\\0101\\x41\\u0041"',
  "é",
  "${",
  "$(x)",
  '"${K',
  "1 # 2",
  "a'b'c",
  '"a"b',
  "\u00a0nb\u00a0",
  "\r",
];

const PLAIN_LINES = [
  "A=1",
  "K=v",
  "K1=$A",
  "a.b=x y",
  "# comment",
  "",
  "export X=z",
  "K1='q'",
  'K1="d\\n$A"',
  "B: yaml",
  "E=",
  "K",
];

function envText(random: Random): string {
  // Most files have one odd line at most: one that is refused hides all others.
  const odd = random.below(6);
  const lines = Array.from({ length: 1 + random.below(4) }, (_, i) => {
    if (i !== odd) return random.pick(PLAIN_LINES);
    const kind = random.below(12);
    if (kind === 0) return "# comment";
    if (kind === 1) return random.pick(["", "   ", "\t# c", "K", "A", "export K", "export", "UNSET", "\r"]);
    const value = random.chance(0.8) ? random.pick(VALUES) : template(random, 1);
    return `${random.pick(KEYS.slice(0, random.chance(0.8) ? 6 : KEYS.length))}${random.pick(SEPARATORS)}${value}`;
  });
  return `${random.chance(0.03) ? "\ufeff" : ""}${lines.join(random.chance(0.1) ? "\r\n" : "\n")}${random.chance(0.8) ? "\n" : ""}`;
}

export function envFileCase(random: Random): Stack {
  const format = random.chance(0.15) ? ", format: raw" : random.chance(0.02) ? ", format: other" : "";
  const required = random.chance(0.1) ? ", required: false" : "";
  const service = [
    "    image: img",
    `    env_file: [{path: ${random.chance(0.05) ? "missing.env" : "one.env"}${format}${required}}${random.chance(0.3) ? ", two.env" : ""}]`,
    ...(random.chance(0.4) ? ["    environment: {A: own, K: , M: ${K:-none}}"] : []),
    ...(random.chance(0.1) ? ["    label_file: two.env"] : []),
    "    hostname: ${K:-unset}",
  ];
  return {
    files: {
      "compose.yaml": `services:\n  a:\n${service.join("\n")}\n`,
      "one.env": envText(random),
      "two.env": envText(random),
      ...(random.chance(0.4) ? { ".env": envText(random) } : {}),
    },
    composeFiles: ["compose.yaml"],
    environment: random.chance(0.5) ? { A: "alpha", K: "kay" } : {},
    profiles: [],
  };
}
