const UNITS = ["bytes", "kB", "MB", "GB", "TB"];
const UNIT = 1000;

/** `1.5 GB`. */
export function sizeText(bytes: number): string {
  let value = bytes;
  let unit = 0;
  for (; value >= UNIT && unit < UNITS.length - 1; unit++) value /= UNIT;
  return `${unit === 0 ? value : value.toFixed(1)} ${UNITS[unit] ?? ""}`;
}
