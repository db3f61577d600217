import { computed } from "vue";
import { useI18n } from "vue-i18n";

const MINUTE_S = 60;
const HOUR_S = 3_600;
const DAY_S = 86_400;
const BYTE_UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

/** "1.4 GiB": powers of 1,024, as the engine counts memory. */
export function formatBytes(value: number | string | undefined, locale = "en"): string {
  let amount = Number(value ?? 0);
  let unit = 0;
  while (Math.abs(amount) >= 1024 && unit < BYTE_UNITS.length - 1) {
    amount /= 1024;
    unit += 1;
  }
  const digits = unit === 0 || Math.abs(amount) >= 100 ? 0 : 1;
  return `${amount.toLocaleString(locale, { maximumFractionDigits: digits })} ${BYTE_UNITS[unit]}`;
}

/** A span of seconds by its two largest units, e.g. "3 d 4 h". */
export function formatSpan(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < MINUTE_S) return `${whole} s`;
  if (whole < HOUR_S) return `${Math.floor(whole / MINUTE_S)} min ${whole % MINUTE_S} s`;
  if (whole < DAY_S) return `${Math.floor(whole / HOUR_S)} h ${Math.floor((whole % HOUR_S) / MINUTE_S)} min`;
  return `${Math.floor(whole / DAY_S)} d ${Math.floor((whole % DAY_S) / HOUR_S)} h`;
}

/** How long ago `at` was, in the words of the language. */
export function formatAgo(at: string | undefined, nowMs: number, locale: string): string {
  if (at === undefined || at === "") return "–";
  const seconds = Math.round((Date.parse(at) - nowMs) / 1000);
  const words = new Intl.RelativeTimeFormat(locale, { numeric: "auto", style: "short" });
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
  time(at: string | undefined): string;
  ago(at: string | undefined, nowMs: number): string;
  span(seconds: number): string;
}

/** The formats of the chosen language. */
export function useFormat(): Format {
  const { locale } = useI18n();
  const dateTime = computed(() => new Intl.DateTimeFormat(locale.value, { dateStyle: "medium", timeStyle: "medium" }));
  const time = computed(() => new Intl.DateTimeFormat(locale.value, { timeStyle: "medium" }));
  return {
    bytes: (value) => formatBytes(value, locale.value),
    number: (value, digits = 0) => (value ?? 0).toLocaleString(locale.value, { maximumFractionDigits: digits }),
    percent: (value) => `${(value ?? 0).toLocaleString(locale.value, { maximumFractionDigits: 1 })} %`,
    dateTime: (at) => (at ? dateTime.value.format(new Date(at)) : "–"),
    time: (at) => (at ? time.value.format(new Date(at)) : "–"),
    ago: (at, nowMs) => formatAgo(at, nowMs, locale.value),
    span: formatSpan,
  };
}
