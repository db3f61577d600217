const NUMBERS = /^v?(\d+)\.(\d+)\.(\d+)(?:-(.+))?/;

/** Negative when `a` is older. A text that is no version is older than any that is. */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [NUMBERS.exec(a), NUMBERS.exec(b)];
  if (left === null || right === null) return Number(left !== null) - Number(right !== null);
  for (let i = 1; i <= 3; i++) {
    const difference = Number(left[i]) - Number(right[i]);
    if (difference !== 0) return difference;
  }
  // "1.0.0-rc.1" comes before "1.0.0".
  const [before, after] = [left[4] ?? "", right[4] ?? ""];
  if (before === after) return 0;
  if (before === "" || after === "") return before === "" ? 1 : -1;
  return before < after ? -1 : 1;
}
