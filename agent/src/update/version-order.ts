/** Negative when `a` is older than `b`, by semantic versioning; what stands after a plus sign does not count. */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [partsOf(a), partsOf(b)];
  for (let i = 0; i < Math.max(left.core.length, right.core.length); i++) {
    const difference = comparePart(left.core[i] ?? "0", right.core[i] ?? "0");
    if (difference !== 0) return difference;
  }
  // A version before its release is older than the release.
  if (left.early.length === 0 || right.early.length === 0) return right.early.length - left.early.length;
  for (let i = 0; i < Math.max(left.early.length, right.early.length); i++) {
    const [one, two] = [left.early[i], right.early[i]];
    if (one === undefined || two === undefined) return one === undefined ? -1 : 1;
    const difference = comparePart(one, two);
    if (difference !== 0) return difference;
  }
  return 0;
}

function partsOf(version: string): { core: string[]; early: string[] } {
  const [main = ""] = version.replace(/^v/, "").split("+");
  const dash = main.indexOf("-");
  const core = dash < 0 ? main : main.slice(0, dash);
  return { core: core.split("."), early: dash < 0 ? [] : main.slice(dash + 1).split(".") };
}

// Numbers come before words, and are compared as numbers.
function comparePart(a: string, b: string): number {
  const [left, right] = [number(a), number(b)];
  if (left !== undefined && right !== undefined) return left - right;
  if (left !== undefined) return -1;
  if (right !== undefined) return 1;
  return a < b ? -1 : a > b ? 1 : 0;
}

function number(text: string): number | undefined {
  return /^\d+$/.test(text) ? Number(text) : undefined;
}
