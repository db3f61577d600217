const NUMBERS = /^v?(\d+)\.(\d+)\.(\d+)(?:-([^+]+))?/;

/** Negative when `a` is older, by semantic versioning, as agents compare them. A text that is no version is older than any that is. */
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
  return compareEarly(before.split("."), after.split("."));
}

// "rc.9" comes before "rc.10", numbers before words, and fewer parts before more.
function compareEarly(a: readonly string[], b: readonly string[]): number {
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const [left, right] = [a[i], b[i]];
    if (left === right) continue;
    if (left === undefined || right === undefined) return left === undefined ? -1 : 1;
    const [isLeftNumber, isRightNumber] = [/^\d+$/.test(left), /^\d+$/.test(right)];
    if (isLeftNumber && isRightNumber) return Number(left) - Number(right);
    if (isLeftNumber !== isRightNumber) return isLeftNumber ? -1 : 1;
    return left < right ? -1 : 1;
  }
  return 0;
}
