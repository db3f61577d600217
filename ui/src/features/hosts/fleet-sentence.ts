import type { HostGroup } from "@windflow/proto/client";
import { useI18n } from "vue-i18n";
import { useFormat } from "../../app/format.ts";
import { countOf, type HealthMark } from "./health.ts";

/** Good news first: what a person wants to hear is how many are well and who is not. */
const ORDER: readonly HealthMark[] = ["ok", "inProgress", "failed", "unknown", "empty", "drifted"];

/** "47 ok, 1 failed, 2 not reached since 14:02", in the chosen language. */
export function useFleetSentence(): (group: HostGroup | undefined) => string {
  const { t } = useI18n();
  const format = useFormat();
  return (group) => {
    const parts = ORDER.filter((mark) => countOf(group, mark) > 0).map((mark) => {
      const count = countOf(group, mark);
      const number = format.number(count);
      if (mark === "unknown" && group?.notReachedSince)
        return t("fleet.sentence.unknownSince", { number, since: format.since(group.notReachedSince) }, count);
      return t(`fleet.sentence.${mark}`, { number }, count);
    });
    return parts.join(", ");
  };
}
