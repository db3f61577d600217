import type { ScalarNode } from "./node.ts";

type Resolved = Pick<ScalarNode, "type" | "value">;

const NULLS: ReadonlySet<string> = new Set(["", "~", "null", "Null", "NULL"]);
const BOOLEANS: ReadonlyMap<string, boolean> = new Map([
  ["true", true],
  ["True", true],
  ["TRUE", true],
  ["false", false],
  ["False", false],
  ["FALSE", false],
]);
const SPECIAL_FLOATS: ReadonlyMap<string, number> = new Map(
  [".inf", ".Inf", ".INF"].flatMap((text) => [
    [text, Infinity] as const,
    [`+${text}`, Infinity] as const,
    [`-${text}`, -Infinity] as const,
  ]),
);
const NOT_A_NUMBER: ReadonlySet<string> = new Set([".nan", ".NaN", ".NAN"]);
const INTEGER = /^([-+]?)(?:0[xX]([0-9a-fA-F]+)|0[bB]([01]+)|0[oO]?([0-7]+)|(0|[1-9][0-9]*))$/;
const FLOAT = /^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$/;
const TIMESTAMP =
  /^\d{4}-\d{1,2}-\d{1,2}(?:(?:[Tt]|[ \t]+)\d{1,2}:\d{2}:\d{2}(?:\.\d*)?(?:[ \t]*(?:Z|[-+]\d{1,2}(?::?\d{2})?))?)?$/;
const MIN_INT64 = -(2n ** 63n);
const MAX_UINT64 = 2n ** 64n - 1n;

/**
 * What a plain (unquoted) YAML scalar means to docker compose. Its YAML is neither 1.1 nor 1.2: `0440` and `0o660` are octal, `1_000` is
 * a thousand, `yes` and `12:30:45` are text, and a bare date is a timestamp, which no key accepts.
 */
export function resolvePlainScalar(text: string): Resolved {
  if (NULLS.has(text)) return { type: "null", value: null };
  const boolean = BOOLEANS.get(text);
  if (boolean !== undefined) return { type: "bool", value: boolean };
  if (!/^[-+.0-9]/.test(text)) return { type: "string", value: text };
  const special = SPECIAL_FLOATS.get(text);
  if (special !== undefined) return { type: "float", value: special };
  if (NOT_A_NUMBER.has(text)) return { type: "float", value: Number.NaN };
  if (TIMESTAMP.test(text) && isCalendarDay(text)) return { type: "timestamp", value: text };
  return resolveNumber(text.replaceAll("_", "")) ?? { type: "string", value: text };
}

function isCalendarDay(text: string): boolean {
  const [year = 0, month = 0, day = 0] = text
    .slice(0, 10)
    .split("-")
    .map((part) => Number.parseInt(part, 10));
  const date = new Date(Date.UTC(2000, month - 1, day));
  date.setUTCFullYear(year, month - 1, day);
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
}

/** A timestamp as JSON has it: `2001-12-14t21:59:43.10-05:00` is `2001-12-14T21:59:43.1-05:00`, and a day is its midnight in UTC. */
export function timestampText(text: string): string {
  const [, day = "", time = "00:00:00", fraction = "", zone = "Z"] =
    /^([\d-]+)(?:(?:[Tt]|[ \t]+)([\d:]+)(\.\d*)?[ \t]*(Z|[-+][\d:]+)?)?$/.exec(text) ?? [];
  const padded = (parts: string, separator: string): string =>
    parts
      .split(separator)
      .map((part) => part.padStart(2, "0"))
      .join(separator);
  const exact = fraction.slice(0, 10).replace(/\.?0*$/, "");
  return `${padded(day, "-")}T${padded(time, ":")}${exact}${/^[-+]00:?00$/.test(zone) ? "Z" : zone}`;
}

function resolveNumber(digits: string): Resolved | undefined {
  const match = INTEGER.exec(digits);
  if (match !== null) {
    const [, sign, hex, binary, octal, decimal] = match;
    const magnitude = BigInt(
      hex !== undefined
        ? `0x${hex}`
        : binary !== undefined
          ? `0b${binary}`
          : octal !== undefined
            ? `0o${octal}`
            : (decimal ?? "0"),
    );
    const integer = sign === "-" ? -magnitude : magnitude;
    if (integer >= MIN_INT64 && integer <= MAX_UINT64) {
      return { type: "int", value: narrowed(integer) };
    }
  }
  if (!FLOAT.test(digits)) return undefined;
  const float = Number(digits);
  return Number.isFinite(float) ? { type: "float", value: float } : undefined;
}

function narrowed(integer: bigint): number | bigint {
  const number = Number(integer);
  return Number.isSafeInteger(number) ? number : integer;
}

/** A scalar as Go prints it with `%v`: what a number or boolean becomes where Compose wants text. Null becomes the empty text. */
export function textOf(node: Resolved): string {
  if (node.value === null) return "";
  return node.type === "float" ? floatText(Number(node.value)) : String(node.value);
}

function floatText(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "+Inf" : "-Inf";
  if (value === 0) return Object.is(value, -0) ? "-0" : "0";
  const [mantissa = "", exponent = "0"] = value.toExponential().split("e");
  const power = Number(exponent);
  // Where Go's %v changes to an exponent.
  if (power >= -4 && power < 6) return String(value);
  return `${mantissa}e${power < 0 ? "-" : "+"}${String(Math.abs(power)).padStart(2, "0")}`;
}
