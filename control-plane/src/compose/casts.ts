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
    const number = Number(integer);
    return Number.isSafeInteger(number) ? number : integer;
  },
};

export const toFloat: Cast = {
  noun: "a number",
  read: (text) => (/^[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?$/.test(text) ? Number(text) : undefined),
};

export const toBytes: Cast = {
  noun: "a size in bytes such as 64m",
  // Text has no form for no limit; only the number -1 has.
  read: (text) => (text.startsWith("-") ? undefined : parseByteSize(text)),
};

export const toDuration: Cast = {
  noun: "a duration such as 1m30s",
  read: (text) => {
    const nanoseconds = parseGoDuration(text);
    return nanoseconds === undefined ? undefined : formatGoDuration(nanoseconds);
  },
};
