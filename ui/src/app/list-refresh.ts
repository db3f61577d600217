import { onChanges } from "./live.ts";
import type { PagedList } from "./paged-list.ts";
import { useThrottled } from "./throttle.ts";

/** Reads the list again when something of these kinds changed, at most each `ms`. */
export function useRefreshOn<Row>(list: PagedList<Row>, kinds: readonly string[], ms: number): void {
  const refresh = useThrottled(() => void list.refresh(), ms);
  onChanges((changes) => {
    if (changes.some(({ kind = "" }) => kind === "reset" || kinds.includes(kind))) refresh();
  });
}
