import type { ApiClient, Host } from "@windflow/proto/client";
import { useApi } from "../../app/api.ts";
import { onChanges, type Change } from "../../app/live.ts";
import { usePagedList, type PagedList } from "../../app/paged-list.ts";
import { useSession } from "../../app/session.ts";
import { useThrottled } from "../../app/throttle.ts";

/** A fleet reports all the time; more often than this the eye gains nothing. */
const REFRESH_MS = 3_000;
/** Up to so many changed hosts are read one by one; more are cheaper as pages. */
const SINGLE_READS = 8;

/** What to do about changes for a list that shows some hosts: nothing, read some hosts again, or read the pages that are seen. */
export function readsFor(changes: readonly Change[], shown: ReadonlySet<string>): "nothing" | "seen" | string[] {
  if (changes.some((change) => change.kind === "reset")) return "seen";
  const ofHosts = changes.filter((change) => change.kind === "host");
  if (ofHosts.length === 0) return "nothing";
  // Hosts that come or go change what the pages hold; all others only if they stand in the list.
  if (ofHosts.some((change) => change.change === "deleted" || change.change === "created")) return "seen";
  const ids = [...new Set(ofHosts.map((change) => change.id ?? ""))].filter((id) => shown.has(id));
  if (ids.length === 0) return "nothing";
  return ids.length > SINGLE_READS ? "seen" : ids;
}

/** Hosts of the organization, page by page, kept up to date by the event stream. Needs `api` where no component is set up. */
export function useHostList(
  query: { filter: () => string; orderBy: () => string },
  api: ApiClient = useApi(),
): PagedList<Host> {
  const session = useSession();

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
      return { rows: answer.hosts ?? [], nextPageToken: answer.nextPageToken, total: answer.total ?? 0 };
    },
    (host) => host.id ?? "",
  );
  const refresh = useThrottled(() => void list.refreshSeen(), REFRESH_MS);

  async function readOne(hostId: string): Promise<void> {
    const host = await api.hosts.getHost({ organization: session.organization, hostId }).catch(() => undefined);
    if (host) list.replace((row) => row.id === hostId, host);
  }
  onChanges((changes) => {
    const reads = readsFor(changes, new Set(list.rows.value.map((host) => host.id ?? "")));
    if (reads === "seen") return refresh();
    if (reads === "nothing") return;
    for (const id of reads) void readOne(id);
    // With a filter on what has changed, the host may belong to the list no more.
    if (query.filter() !== "") refresh();
  });
  return list;
}
