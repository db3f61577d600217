import type { Host } from "@windflow/proto/client";
import { onScopeDispose, ref, shallowRef, watch, type Ref, type ShallowRef } from "vue";
import { useApi } from "../../app/api.ts";
import { onChanges } from "../../app/live.ts";
import { useSession } from "../../app/session.ts";
import { useThrottled } from "../../app/throttle.ts";
import type { MapHost } from "./health-map-layout.ts";
import { markOf } from "./health.ts";
import { readsFor } from "./host-list.ts";

/** The API's own maximum for a page. */
const PAGE = 500;
/** More cells than this are no picture. */
export const MAP_HOSTS_AT_MOST = 12_000;
/** All of a large fleet is read again at most this often; single hosts at once. */
const REFRESH_MS = 3_000;
const REFRESH_LARGE_MS = 20_000;
const LARGE = 1_000;

export function mapHostOf(host: Host): MapHost {
  return {
    id: host.id ?? "",
    name: host.name ?? "",
    mark: markOf(host),
    cause: [host.presence === "PRESENCE_ONLINE" ? "" : host.presenceCause, host.healthSummary]
      .filter(Boolean)
      .join(" · "),
    labels: host.labels ?? {},
    environment: host.environmentName ?? "",
  };
}

export interface MapHosts {
  hosts: ShallowRef<MapHost[]>;
  total: Ref<number>;
  loading: Ref<boolean>;
  error: ShallowRef<unknown>;
  refresh(): Promise<void>;
}

/** All hosts that a filter lets through, drawn as they come, and kept up to date by the event stream. */
export function useMapHosts(filter: () => string): MapHosts {
  const api = useApi();
  const session = useSession();
  const hosts: ShallowRef<MapHost[]> = shallowRef([]);
  const total = ref(0);
  const loading = ref(true);
  const error = shallowRef<unknown>();
  let abort = new AbortController();

  /** With `grow` the first pages are shown before the last ones are there. */
  async function readAll(grow: boolean): Promise<void> {
    abort.abort();
    abort = new AbortController();
    const { signal } = abort;
    try {
      let all: MapHost[] = [];
      let token: string | undefined;
      do {
        const request = { organization: session.organization, filter: filter(), page: { size: PAGE, token } };
        const answer = await api.hosts.listHosts(request, { signal });
        all = [...all, ...(answer.hosts ?? []).map(mapHostOf)];
        total.value = answer.total ?? all.length;
        token = answer.nextPageToken || undefined;
        if (grow || token === undefined) hosts.value = all;
        loading.value = false;
      } while (token !== undefined && all.length < MAP_HOSTS_AT_MOST);
      error.value = undefined;
    } catch (caught) {
      if (signal.aborted) return;
      error.value = caught;
      loading.value = false;
    }
  }
  async function readOne(hostId: string): Promise<void> {
    const host = await api.hosts.getHost({ organization: session.organization, hostId }).catch(() => undefined);
    const index = hosts.value.findIndex((one) => one.id === hostId);
    if (host && index !== -1) hosts.value = hosts.value.with(index, mapHostOf(host));
  }
  const soon = useThrottled(() => void (hosts.value.length <= LARGE && readAll(false)), REFRESH_MS);
  const later = useThrottled(() => void (hosts.value.length > LARGE && readAll(false)), REFRESH_LARGE_MS);
  onChanges((changes) => {
    const reads = readsFor(changes, new Set(hosts.value.map((host) => host.id)));
    if (reads === "nothing") return;
    if (reads === "seen") {
      soon();
      later();
    } else for (const id of reads) void readOne(id);
  });
  watch(filter, () => void readAll(true), { immediate: true });
  onScopeDispose(() => abort.abort());
  return { hosts, total, loading, error, refresh: () => readAll(false) };
}
