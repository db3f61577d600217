const POWER_OF: Readonly<Record<string, number>> = { k: 1, m: 2, g: 3, t: 4, p: 5 };
const SIZE = /^(\+?\d+\.?\d*(?:e[+-]?\d+)?|\+?\.\d+) ?(?:([kmgtp])?b?|([kmgtp])ib)$/i;

/**
 * Bytes of a size as Compose writes it: `64m`, `1.5gb`, `512 MiB`, `1024`; every unit is a power of 1024.
 * A fraction of a byte is cut off. `-1` (no limit) is kept.
 * @returns undefined when the text is no size.
 */
export function parseByteSize(text: string): number | undefined {
  if (text === "-1") return -1;
  // As in numbers of Go, an underscore may part two digits.
  const match = SIZE.exec(text.replaceAll(/(?<=\d)_(?=\d)/g, ""));
  if (match === null) return undefined;
  const amount = Number(match[1]);
  if (!Number.isFinite(amount)) return undefined;
  const unit = (match[2] ?? match[3] ?? "").toLowerCase();
  return Math.trunc(amount * 1024 ** (POWER_OF[unit] ?? 0));
}
