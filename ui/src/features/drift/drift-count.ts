import type { Badge } from "../../app/badge-count.ts";

/** How many differences wait for somebody. */
export const DRIFT_BADGE: Badge = {
  name: "drift",
  permission: "stacks.read",
  kinds: ["drift"],
  read: async (api, organization) => (await api.drift.listDrifts({ organization, page: { size: 1 } })).open ?? 0,
};
