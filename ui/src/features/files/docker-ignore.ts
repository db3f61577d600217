interface Rule {
  pattern: RegExp;
  /** Begins with "!": brings back what a rule before it left out. */
  keeps: boolean;
}

/**
 * Which paths a .dockerignore leaves out of a build context, by the engine's rules: the last rule that fits decides, a rule for
 * a folder holds for all that is in it. Paths are relative to the folder of the file, with "/".
 */
export function readDockerIgnore(text: string): (path: string) => boolean {
  const rules = text
    .replace(/^\uFEFF/, "")
    .split(/\r?\n/)
    .filter((line) => !line.startsWith("#"))
    .map((line) => line.trim())
    .filter((line) => line !== "" && line !== "!")
    .map(ruleOf);
  return (path) => {
    // The engine itself needs these two, whatever the rules say.
    if (path === ".dockerignore" || path === "Dockerfile") return false;
    let ignored = false;
    for (const rule of rules) if (rule.keeps === ignored && fits(rule, path)) ignored = !rule.keeps;
    return ignored;
  };
}

function fits(rule: Rule, path: string): boolean {
  for (let end = path.length; end > 0; end = path.lastIndexOf("/", end - 1)) {
    if (rule.pattern.test(path.slice(0, end))) return true;
  }
  return false;
}

function ruleOf(line: string): Rule {
  const keeps = line.startsWith("!");
  const parts = (keeps ? line.slice(1).trim() : line).split("/").filter((part) => part !== "" && part !== ".");
  const clean: string[] = [];
  for (const part of parts) {
    if (part === "..") clean.pop();
    else clean.push(part);
  }
  return { pattern: new RegExp(`^${patternOf(clean.join("/"))}$`, "s"), keeps };
}

function patternOf(glob: string): string {
  let source = "";
  for (let at = 0; at < glob.length; at += 1) {
    const sign = glob[at]!;
    if (sign === "*" && glob[at + 1] === "*") {
      at += 1;
      if (glob[at + 1] === "/") at += 1;
      source += at + 1 >= glob.length ? ".*" : "(?:.*/)?";
    } else if (sign === "*") source += "[^/]*";
    else if (sign === "?") source += "[^/]";
    else if (sign === "[" && glob.includes("]", at)) {
      const end = glob.indexOf("]", at);
      source += `[${glob.slice(at + 1, end).replace(/\\/g, "\\\\")}]`;
      at = end;
    } else if (sign === "\\" && at + 1 < glob.length) source += escaped(glob[(at += 1)]!);
    else source += escaped(sign);
  }
  return source;
}
const escaped = (sign: string): string => sign.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&");
