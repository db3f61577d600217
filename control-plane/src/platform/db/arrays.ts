// The text of an array, for a parameter that its statement casts: `${numberArray(sizes)}::integer[]`. The driver takes every element of an
// array in hand by itself, which for the rows of hundreds of hosts costs more than sending and reading them.

const ESCAPE = "\\";

export function numberArray(values: readonly (number | bigint)[]): string {
  return `{${values.join(",")}}`;
}

export function textArray(values: readonly string[]): string {
  const text = JSON.stringify(values);
  // In JSON an escape may be a control character or half of a pair; the server takes what follows it as it stands.
  return text.includes(ESCAPE)
    ? `{${values.map((value) => `"${value.replaceAll(/["\\]/g, "\\$&")}"`).join(",")}}`
    : `{${text.slice(1, -1)}}`;
}

export function timeArray(values: readonly Date[]): string {
  return textArray(values.map((value) => value.toISOString()));
}
