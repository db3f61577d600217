/**
 * JSON with sorted keys and no white space: equal values give equal bytes, whoever built them and in whatever order.
 * Undefined members are left out as JSON.stringify does.
 * @throws TypeError on a bigint, a symbol, a function or a number that JSON cannot carry, since their bytes would not survive a round trip.
 */
export function canonicalJson(value: unknown): string {
  if (value === null || typeof value === "boolean" || typeof value === "string") {
    return JSON.stringify(value);
  }
  if (typeof value === "number") {
    if (!Number.isFinite(value)) throw new TypeError(`canonical JSON has no form for ${value}`);
    return JSON.stringify(value);
  }
  if (Array.isArray(value)) {
    return `[${value.map((item) => canonicalJson(item ?? null)).join(",")}]`;
  }
  if (typeof value !== "object") {
    throw new TypeError(`canonical JSON has no form for a ${typeof value}`);
  }
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .toSorted(([a], [b]) => compareBytes(a, b))
    .map(([key, member]) => `${JSON.stringify(key)}:${canonicalJson(member)}`);
  return `{${members.join(",")}}`;
}

const SURROGATE = /[\ud800-\udfff]/;

/** Order of the UTF-8 bytes of two texts. JavaScript's own order is of UTF-16 units and differs from it beyond U+FFFF. */
export function compareBytes(a: string, b: string): number {
  if (!SURROGATE.test(a) && !SURROGATE.test(b)) return a < b ? -1 : a > b ? 1 : 0;
  const left = Array.from(a);
  const right = Array.from(b);
  for (let i = 0; i < left.length && i < right.length; i++) {
    const difference = (left[i]?.codePointAt(0) ?? 0) - (right[i]?.codePointAt(0) ?? 0);
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}
