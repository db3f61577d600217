import { defineStore } from "pinia";
import { computed } from "vue";
import { useI18n } from "vue-i18n";

const MINUTE_S = 60;
const HOUR_S = 3_600;
const DAY_S = 86_400;
const BYTE_UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

/** "1.4 GiB": powers of 1,024, as the engine counts memory. `show` writes a number with at most so many digits behind the point. */
export function formatBytes(
  value: number | string | undefined,
  show: (amount: number, digits: number) => string,
): string {
  let amount = Number(value ?? 0);
  let unit = 0;
  while (Math.abs(amount) >= 1024 && unit < BYTE_UNITS.length - 1) {
    amount /= 1024;
    unit += 1;
  }
  const digits = unit === 0 || Math.abs(amount) >= 100 ? 0 : 1;
  return `${show(amount, digits)} ${BYTE_UNITS[unit]}`;
}

/** A span of seconds by its two largest units, e.g. "3 d 4 h"; "5 min" when there is nothing of the second. */
export function formatSpan(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < MINUTE_S) return `${whole} s`;
  const two = (large: number, small: number, [first, second]: readonly [string, string]): string => {
    const rest = Math.floor((whole % large) / small);
    return `${Math.floor(whole / large)} ${first}${rest === 0 ? "" : ` ${rest} ${second}`}`;
  };
  if (whole < HOUR_S) return two(MINUTE_S, 1, ["min", "s"]);
  return whole < DAY_S ? two(HOUR_S, MINUTE_S, ["h", "min"]) : two(DAY_S, HOUR_S, ["d", "h"]);
}

/** How long ago `at` was, in the words of the language. */
export function formatAgo(at: string | undefined, nowMs: number, words: Intl.RelativeTimeFormat): string {
  if (at === undefined || at === "") return "–";
  const seconds = Math.round((Date.parse(at) - nowMs) / 1000);
  const age = Math.abs(seconds);
  if (age < 5) return words.format(0, "second");
  if (age < MINUTE_S) return words.format(seconds, "second");
  if (age < HOUR_S) return words.format(Math.trunc(seconds / MINUTE_S), "minute");
  if (age < DAY_S) return words.format(Math.trunc(seconds / HOUR_S), "hour");
  return words.format(Math.trunc(seconds / DAY_S), "day");
}

export interface Format {
  bytes(value: number | string | undefined): string;
  number(value: number | undefined, digits?: number): string;
  percent(value: number | undefined): string;
  dateTime(at: string | undefined): string;
  /** The day alone, in words. */
  day(at: string | undefined): string;
  time(at: string | undefined): string;
  /** A moment to come, to the minute: its day when it is not today, and the time zone that it is told in. */
  moment(at: string | undefined, zone?: string): string;
  ago(at: string | undefined, nowMs: number): string;
  span(seconds: number): string;
  /** The clock time of today, else the day with it. */
  since(at: string | undefined): string;
}

/** The language as it is written where the browser is: a reader of en-GB expects 16:40, not 4:40 PM. */
export function regional(locale: string, wanted: readonly string[] = navigator.languages): string {
  return wanted.find((tag) => tag.toLowerCase().startsWith(`${locale}-`)) ?? locale;
}

interface IntlFormats {
  dateTime: Intl.DateTimeFormat;
  day: Intl.DateTimeFormat;
  time: Intl.DateTimeFormat;
  minute: Intl.DateTimeFormat;
  dayMinute: Intl.DateTimeFormat;
  ago: Intl.RelativeTimeFormat;
  /** By the digits behind the point. */
  numbers: Map<number, Intl.NumberFormat>;
}
const DAY: Intl.DateTimeFormatOptions = { weekday: "short", day: "numeric", month: "short" };

/** Making one costs more than a row of a table; each language has one set. */
const useIntl = defineStore("intl", () => {
  const byLocale = new Map<string, IntlFormats>();
  function of(locale: string): IntlFormats {
    const known = byLocale.get(locale);
    if (known !== undefined) return known;
    const made: IntlFormats = {
      dateTime: new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "medium" }),
      day: new Intl.DateTimeFormat(locale, { dateStyle: "full" }),
      time: new Intl.DateTimeFormat(locale, { timeStyle: "medium" }),
      minute: new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit" }),
      dayMinute: new Intl.DateTimeFormat(locale, { ...DAY, hour: "2-digit", minute: "2-digit" }),
      ago: new Intl.RelativeTimeFormat(locale, { numeric: "auto", style: "short" }),
      numbers: new Map(),
    };
    byLocale.set(locale, made);
    return made;
  }
  /** Of the language: asking the browser costs more than what is done with the answer. */
  const regions = new Map<string, string>();
  function regionOf(language: string): string {
    const known = regions.get(language) ?? regional(language);
    regions.set(language, known);
    return known;
  }
  function number(locale: string, value: number, digits: number): string {
    const { numbers } = of(locale);
    const known = numbers.get(digits) ?? new Intl.NumberFormat(locale, { maximumFractionDigits: digits });
    numbers.set(digits, known);
    return known.format(value);
  }
  return { of, number, regionOf };
});

/** The formats of the chosen language. */
export function useFormat(): Format {
  const { locale } = useI18n();
  const intl = useIntl();
  const region = computed(() => intl.regionOf(locale.value));
  const number = (value: number | undefined, digits = 0): string => intl.number(region.value, value ?? 0, digits);
  const minuteOf = (at: string): string => {
    const date = new Date(at);
    const { minute, dayMinute } = intl.of(region.value);
    return (date.toDateString() === new Date().toDateString() ? minute : dayMinute).format(date);
  };
  return {
    bytes: (value) => formatBytes(value, number),
    number,
    percent: (value) => `${number(value, 1)} %`,
    dateTime: (at) => (at ? intl.of(region.value).dateTime.format(new Date(at)) : "–"),
    day: (at) => (at ? intl.of(region.value).day.format(new Date(at)) : "–"),
    time: (at) => (at ? intl.of(region.value).time.format(new Date(at)) : "–"),
    moment: (at, zone) =>
      at && zone
        ? `${new Date(at).toLocaleString(region.value, { ...DAY, hour: "2-digit", minute: "2-digit", timeZone: zone })} (${zone})`
        : at
          ? `${minuteOf(at)} (${intl.of(region.value).minute.resolvedOptions().timeZone})`
          : "–",
    ago: (at, nowMs) => formatAgo(at, nowMs, intl.of(region.value).ago),
    span: formatSpan,
    since: (at) => (at ? minuteOf(at) : "–"),
  };
}
