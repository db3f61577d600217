import type { Badge } from "../../app/badge-count.ts";

/** The words of a filter that only hosts pass which wait for approval. */
export const WAITING_FILTER = "waiting=yes";

/** How many hosts ask to be let in. */
export const WAITING_BADGE: Badge = {
  name: "waiting",
  permission: "hosts.read",
  kinds: ["host"],
  read: async (api, organization) =>
    (await api.hosts.listHosts({ organization, filter: WAITING_FILTER, page: { size: 1 } })).total ?? 0,
};
