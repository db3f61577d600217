// Real compose files, changed here and there.
import { readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { renderCompose } from "@windflow/control-plane";
import { renderInputOf, type Stack } from "../tool.ts";
import type { Random } from "./random.ts";
import { template } from "./variables.ts";

const WORDS = [
  "true",
  '"true"',
  "5",
  '"5"',
  "1.5",
  "null",
  "",
  '""',
  "[]",
  "{}",
  "[a]",
  "{a: b}",
  "-1",
  "yes",
  "0x1F",
  "10s",
  "64m",
  "2024-01-01",
  "${EMPTY}",
  "${UNSET}",
  "${UNSET:?gone}",
  "${NUM:-9}",
  "*nowhere",
  "!reset null",
  "!override [a]",
  "~",
  "é",
  "a: b",
  "'a",
  "[a",
  "x:y:z",
  "/a/b",
  "./a",
  "service:x",
];
const KEYS = [
  "image",
  "ports",
  "volumes",
  "environment",
  "labels",
  "command",
  "networks",
  "depends_on",
  "build",
  "deploy",
  "healthcheck",
  "restart",
  "x-any",
  "nonsense",
  "extends",
  "env_file",
  "name",
  "external",
  "driver",
  "<<",
  "secrets",
  "configs",
  "profiles",
  "init",
];
const MAX_SOURCE_BYTES = 20_000;
const MAX_NEIGHBOURS = 60;

interface Source {
  readonly text: string;
  readonly neighbours: Readonly<Record<string, string>>;
}

/** The compose files below a folder that are accepted as they are, each with the small files beside it. */
export function realSources(folder: string): Source[] {
  const paths = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.ya?ml$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted();
  const sources = paths.flatMap((path) => {
    const text = readFileSync(path, "utf8");
    return text.length > MAX_SOURCE_BYTES || !/^services:/m.test(text)
      ? []
      : [{ text, neighbours: neighboursOf(path) }];
  });
  // A change to what is refused already shows nothing.
  return sources.filter(
    (source) => renderCompose(renderInputOf(stackOf(source), "/stacks/changed")).model !== undefined,
  );
}

function stackOf({ text, neighbours }: Source): Stack {
  return {
    files: { ...neighbours, "compose.yaml": text },
    composeFiles: ["compose.yaml"],
    environment: { EMPTY: "", NUM: "7" },
    profiles: [],
  };
}

function neighboursOf(path: string): Record<string, string> {
  const folder = dirname(path);
  const found: Record<string, string> = {};
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true }).slice(0, MAX_NEIGHBOURS * 10)) {
    const full = join(entry.parentPath, entry.name);
    if (!entry.isFile() || full === path || statSync(full).size > MAX_SOURCE_BYTES) continue;
    if (Object.keys(found).length >= MAX_NEIGHBOURS) break;
    if (/\.(ya?ml|env|txt|label.*)$|^\.env/.test(entry.name))
      found[relative(folder, full)] = readFileSync(full, "utf8");
  }
  return found;
}

export function changedCase(random: Random, sources: readonly Source[]): Stack {
  const { text, neighbours } = random.pick(sources);
  let lines = text.split("\n");
  const changes = 1 + random.below(2);
  for (let i = 0; i < changes; i++) lines = change(random, lines);
  return { ...stackOf({ text: lines.join("\n"), neighbours }), profiles: random.chance(0.2) ? ["*"] : [] };
}

function change(random: Random, lines: readonly string[]): string[] {
  const at = random.below(lines.length);
  const line = lines[at] ?? "";
  const before = lines.slice(0, at);
  const after = lines.slice(at + 1);
  const indent = /^[ -]*/.exec(line)?.[0] ?? "";
  const [, key = "", value = ""] = /^([\s-]*[\w.-]+:)(.*)$/.exec(line) ?? [];
  if (random.chance(0.5)) return [...before, ...gentle(random, line, key, value.trim()), ...after];
  switch (random.below(12)) {
    case 0:
      return [...before, ...after];
    case 1:
      return [...before, line, line, ...after];
    case 2:
      return [...before, key === "" ? `${indent}${random.pick(WORDS)}` : `${key} ${random.pick(WORDS)}`, ...after];
    case 3:
      return [...before, key === "" ? line : `${key} ${JSON.stringify(template(random, 2))}`, ...after];
    case 4:
      return [...before, line, `${indent.replace(/-/g, " ")}${random.pick(KEYS)}: ${random.pick(WORDS)}`, ...after];
    case 5:
      return [...before, value.trim() === "" ? line : `${key} "${value.trim().replaceAll(/["\\]/g, "")}"`, ...after];
    case 6:
      return [...before, key === "" ? line : line.replace(/[\w.-]+:/, `${random.pick(KEYS)}:`), ...after];
    case 7:
      return [...before, line.replace(/^ /, ""), ...after];
    case 8:
      return [...before, ` ${line}`, ...after];
    case 9:
      return [...before, line.replaceAll(/["']/g, ""), ...after];
    case 10: {
      const cut = random.below(line.length + 1);
      return [
        ...before,
        line.slice(0, cut) +
          random.pick([":", "-", " ", "$", "/", '"', "#", "{", "\t"]) +
          line.slice(cut + random.below(2)),
        ...after,
      ];
    }
    default: {
      const other = random.below(lines.length);
      return [...before, lines[other] ?? "", ...after];
    }
  }
}

/** The same or nearly the same value written otherwise. */
function gentle(random: Random, line: string, key: string, value: string): string[] {
  const bare = value.replace(/^["']|["']$/g, "");
  const indent = " ".repeat(/^[ -]*/.exec(line)?.[0].length ?? 0);
  const item = /^\s*- /.exec(line)?.[0] ?? "";
  const choices: (() => string[])[] = [
    () => [`${line} # note`],
    () => [`${line}${random.pick([" ", "\t", "  \t ", "\r"])}`],
    () => [line, random.pick(["", `${indent}# note`, "# note", "\t", `${indent}\t`, `${indent}   `, "\t# note", "#"])],
    () => [line.replaceAll('"', "'")],
    () => [line.replaceAll("'", '"')],
    () => (item === "" ? [line] : [`${item}"${line.slice(item.length).replaceAll('"', "'")}"`]),
    () => (item === "" ? [line] : [`${item}\${V:-${line.slice(item.length).replaceAll(/["']/g, "")}}`]),
    () => (bare === "" ? [line] : [`${key} "${bare}"`]),
    () => (bare === "" ? [line] : [`${key} '${bare}'`]),
    () => (bare === "" ? [line] : [`${key} \${V:-${bare}}`]),
    () => (bare === "" ? [line] : [`${key} |`, `${indent}  ${bare}`]),
    () => (bare === "" ? [line] : [`${key} >-`, `${indent}  ${bare}`, "", `${indent}  more`]),
    () => (bare === "" ? [line] : [`${key} "${bare}`, `${random.pick(["", indent, `${indent}  `])}more"`]),
    () => (bare === "" ? [line] : [`${key} ${bare}`, `${indent}  more`]),
    () => (bare === "" ? [line] : [key, `${indent}  ${value}`]),
    () => (bare === "" ? [line] : [`${key} [${value}]`]),
    () => (bare === "" ? [line] : [`${key} [`, value, random.pick(["]", `${indent}]`])]),
    () => (bare === "" ? [line] : [key, `${indent}- ${value}`]),
    () => (bare === "" ? [line] : [`${key}${value}`]),
    () => (bare === "" ? [line] : [`${key.replace(":", " :")} ${value}`]),
    () =>
      bare === "" ? [line] : [`"${key.trim().replace(/^- /, "").slice(0, -1)}": ${value}`.padStart(indent.length)],
    () => [line.replace(/^( +)/, "$1$1")],
    () => [line.replace(/^( +)- /, "$1-   ")],
    () => [line.replace(/: /, ":\t")],
    () => [
      line.replace(/\$\{?(\w+)\}?/, (_, name: string) =>
        random.pick([`$${name}`, `\${${name}-x}`, `\${${name}:?}`, `$$${name}`, `\${${name}:+y}`]),
      ),
    ],
    () => [line.toLowerCase()],
    () => [line.toUpperCase()],
    () => [
      line.replace(/\d+/, (digits) =>
        random.pick([`0${digits}`, `${digits}.0`, `"${digits}"`, `-${digits}`, `${digits}_0`, `${digits}s`]),
      ),
    ],
  ];
  return random.pick(choices)();
}
