import { formatGoDuration, parseByteSize, parseGoDuration } from "@windflow/core";
import type { ScalarValue } from "./node.ts";

/** A text read as the type of its key; undefined when it is none. */
export type Cast = { readonly noun: string; readonly read: (text: string) => ScalarValue | undefined };

const YES: ReadonlySet<string> = new Set(["true", "y", "yes", "on"]);
const NO: ReadonlySet<string> = new Set(["false", "n", "no", "off"]);

export const toBoolean: Cast = {
  noun: "a boolean (true or false)",
  read: (text) => {
    const lower = text.toLowerCase();
    return YES.has(lower) ? true : NO.has(lower) ? false : undefined;
  },
};

export const toInteger: Cast = {
  noun: "a whole number",
  read: (text) => {
    if (!/^[-+]?\d+$/.test(text)) return undefined;
    const integer = BigInt(text.replace(/^\+/, ""));
    if (BigInt.asIntN(64, integer) !== integer) return undefined;
    const number = Number(integer);
    return Number.isSafeInteger(number) ? number : integer;
  },
};

export const toFloat: Cast = {
  noun: "a number",
  read: (text) => {
    const digits = text.replaceAll(/(?<=\d)_(?=\d)/g, "");
    return /^[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?$/.test(digits) ? finite(Number(digits)) : undefined;
  },
};

/** A number as a signed 64-bit integer: the fraction is cut off, and what does not fit becomes the least one, as processors convert. */
export function asInt64(value: number): number | bigint {
  const whole = Math.abs(value) < 2 ** 63 ? Math.trunc(value) : -(2n ** 63n);
  return Number.isSafeInteger(whole) ? whole : BigInt(whole);
}

function finite(value: number): number | undefined {
  return Number.isFinite(value) ? value : undefined;
}

export const toBytes: Cast = {
  noun: "a size in bytes such as 64m",
  // Text has no form for no limit; only the number -1 has.
  read: (text) => {
    const bytes = text.startsWith("-") ? undefined : parseByteSize(text);
    return bytes === undefined ? undefined : asInt64(bytes);
  },
};

export const toDuration: Cast = {
  noun: "a duration such as 1m30s",
  read: (text) => {
    const nanoseconds = parseGoDuration(text);
    return nanoseconds === undefined ? undefined : formatGoDuration(nanoseconds);
  },
};
