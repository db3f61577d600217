import type { Format } from "../../app/format.ts";

/** How a figure of a unit is written for a person. */
export function showUnit(format: Format, unit: string): (value: number) => string {
  if (unit === "percent") return format.percent;
  if (unit === "bytes") return format.bytes;
  if (unit === "bytes_per_second") return (value) => `${format.bytes(value)}/s`;
  return (value) => format.number(value, 2);
}
