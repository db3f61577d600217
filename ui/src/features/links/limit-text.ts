import type { LinkLimit } from "@windflow/proto/client";
import { useI18n } from "vue-i18n";
import { regional } from "../../app/format.ts";
import { daysText } from "../../kit/weekdays.ts";
import { classWord, hasHours, rateText } from "./link-rule.ts";

/** Limits as they are said: "Layers and files: 500 kB/s, 22:00 – 05:30, Mon–Fri". */
export function useLimitText(): { rate: (limit: LinkLimit) => string; line: (limit: LinkLimit) => string } {
  const { t, locale } = useI18n();
  const rate = (limit: LinkLimit): string =>
    Number(limit.bytesPerSecond ?? 0) === 0
      ? t("links.stopped")
      : rateText(limit.bytesPerSecond, { kb: t("links.units.kb"), mb: t("links.units.mb") }, regional(locale.value));
  const line = (limit: LinkLimit): string => {
    const when = hasHours(limit)
      ? [
          t("links.during", { from: limit.from, until: limit.until }),
          ...((limit.weekdays ?? []).length > 0 ? [daysText(limit.weekdays ?? [], regional(locale.value))] : []),
        ]
      : [];
    return [`${t(`links.classes.${classWord(limit)}`)}: ${rate(limit)}`, ...when].join(", ");
  };
  return { rate, line };
}
