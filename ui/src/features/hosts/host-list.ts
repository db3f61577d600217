import type { Host, HostCounts } from "@windflow/proto/client";
import { shallowRef, type ShallowRef } from "vue";
import { useApi } from "../../app/api.ts";
import { onChanges } from "../../app/live.ts";
import { usePagedList, type PagedList } from "../../app/paged-list.ts";
import { useSession } from "../../app/session.ts";
import { useThrottled } from "../../app/throttle.ts";

/** A fleet reports all the time; more often than this the eye gains nothing. */
const REFRESH_MS = 3_000;
/** Up to so many changed hosts are read one by one; more are cheaper as pages. */
const SINGLE_READS = 8;

export interface HostList extends PagedList<Host> {
  counts: ShallowRef<HostCounts | undefined>;
}

/** The hosts of the organization, page by page, kept up to date by the event stream. */
export function useHostList(query: { filter: () => string; orderBy: () => string }): HostList {
  const api = useApi();
  const session = useSession();
  const counts = shallowRef<HostCounts>();

  const list = usePagedList<Host>(
    () => `${query.filter()}\n${query.orderBy()}`,
    async (token, size, signal) => {
      const request = {
        organization: session.organization,
        filter: query.filter(),
        orderBy: query.orderBy(),
        page: { size, token },
      };
      const answer = await api.hosts.listHosts(request, { signal });
      counts.value = answer.counts;
      return { rows: answer.hosts ?? [], nextPageToken: answer.nextPageToken, total: answer.total ?? 0 };
    },
  );
  const refresh = useThrottled(() => void list.refresh(), REFRESH_MS);
  const refreshCounts = useThrottled(() => void readCounts(), REFRESH_MS);

  async function readCounts(): Promise<void> {
    const answer = await api.hosts
      .listHosts({ organization: session.organization, page: { size: 1 } })
      .catch(() => undefined);
    if (answer?.counts) counts.value = answer.counts;
  }
  async function readOne(hostId: string): Promise<void> {
    const host = await api.hosts.getHost({ organization: session.organization, hostId }).catch(() => undefined);
    if (host) list.replace((row) => row.id === hostId, host);
  }
  onChanges((changes) => {
    if (changes.some((change) => change.kind === "reset")) return refresh();
    const ids = new Set(changes.filter((change) => change.kind === "host").map((change) => change.id ?? ""));
    if (ids.size === 0) return;
    const shown = new Set(list.rows.value.map((host) => host.id));
    const known = [...ids].every((id) => shown.has(id)) && changes.every((change) => change.change !== "deleted");
    if (!known || ids.size > SINGLE_READS) return refresh();
    for (const id of ids) void readOne(id);
    refreshCounts();
  });
  return { ...list, counts };
}
