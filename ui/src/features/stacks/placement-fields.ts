import type { Placement, PlacementStrategy } from "@windflow/proto/client";

export type PlaceWord = "all" | "spread" | "binpack";
export const PLACE_STRATEGIES: Record<PlaceWord, PlacementStrategy> = {
  all: "PLACEMENT_STRATEGY_ALL",
  spread: "PLACEMENT_STRATEGY_SPREAD",
  binpack: "PLACEMENT_STRATEGY_BINPACK",
};
/** What the control plane takes for a 0. */
export const GONE_AFTER_S = 900;
const GIB = 2 ** 30;

export const placeWord = ({ strategy }: Placement): PlaceWord =>
  strategy === "PLACEMENT_STRATEGY_SPREAD" ? "spread" : strategy === "PLACEMENT_STRATEGY_BINPACK" ? "binpack" : "all";

/** Bytes as the API writes 64-bit numbers, in GiB with two digits; undefined for none. */
export function gibOf(bytes: string | undefined): number | undefined {
  const value = Number(bytes ?? 0);
  return value > 0 ? Math.round((value / GIB) * 100) / 100 : undefined;
}
export const bytesOf = (gib: number | undefined): string => String(Math.max(0, Math.round((gib ?? 0) * GIB)));

/** Whether a placement says only which hosts are selected. */
export function isPlain(placement: Placement): boolean {
  const { constraints = {} } = placement;
  const asked =
    (constraints.arches ?? []).length + (constraints.capabilities ?? []).length > 0 ||
    Number(constraints.freeCpus ?? 0) +
      Number(constraints.freeMemoryBytes ?? 0) +
      Number(constraints.freeDiskBytes ?? 0) >
      0;
  return (
    !asked &&
    placeWord(placement) === "all" &&
    (placement.expressions ?? []).length === 0 &&
    (placement.preferences ?? []).length === 0
  );
}
