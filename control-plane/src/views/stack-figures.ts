import type { StackFigures } from "../metrics/index.ts";
import { listPlaceableStacks, type StackStanding } from "../stacks/index.ts";

/** Stacks as they stand, as pages and the API tell it. */
export function createStackFigures(standing: StackStanding): StackFigures {
  return {
    of: async (tx, limit) => {
      const all = await listPlaceableStacks(tx);
      const shown = all.slice(0, limit);
      const statuses = await standing.statusOf(
        tx,
        shown.map(({ id }) => id),
        "counts",
      );
      const stacks = shown.map(({ id, name }) => {
        const status = statuses.get(id);
        const hosts = {
          ok: status?.hostsOk ?? 0,
          failed: status?.hostsFailed ?? 0,
          "in-progress": status?.hostsInProgress ?? 0,
          unknown: status?.hostsUnknown ?? 0,
          "not-reached": status?.hostsNotReached ?? 0,
        };
        return { stackId: id, name, hosts };
      });
      return { stacks, isCut: all.length > shown.length };
    },
  };
}
