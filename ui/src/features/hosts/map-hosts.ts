import type { MapHostsResponse } from "@windflow/proto/client";
import { onScopeDispose, ref, shallowRef, watch, type Ref, type ShallowRef } from "vue";
import { useApi } from "../../app/api.ts";
import { onChanges } from "../../app/live.ts";
import { useSession } from "../../app/session.ts";
import { useThrottled } from "../../app/throttle.ts";
import type { MapHost } from "./health-map-layout.ts";
import { markOf, type HealthMark } from "./health.ts";
import { readsFor } from "./host-list.ts";

/** More cells than this are no picture; the API gives at most 20,000. */
export const MAP_HOSTS_AT_MOST = 12_000;
/** All of a large fleet is read again at most this often; single hosts at once. */
const REFRESH_MS = 3_000;
const REFRESH_LARGE_MS = 20_000;
const LARGE = 1_000;
/** The pointer passes over many hosts on its way to one. */
const CAUSE_AFTER_MS = 120;

/** The columns of an answer as hosts. */
export function mapHostsOf(answer: MapHostsResponse): MapHost[] {
  const { ids = [], names = [], healths = [], drifted = [], groups = [], values = [] } = answer;
  return ids.slice(0, MAP_HOSTS_AT_MOST).map((id, index) => ({
    id,
    name: names[index] ?? "",
    mark: markOf({ health: healths[index], stacksDrifted: drifted[index] ? 1 : 0 }),
    group: values[groups[index] ?? -1] ?? "",
  }));
}

export interface MapHosts {
  hosts: ShallowRef<MapHost[]>;
  total: Ref<number>;
  loading: Ref<boolean>;
  error: ShallowRef<unknown>;
  refresh(): Promise<void>;
}

/** All hosts that a filter lets through, in one answer, kept up to date by the event stream. */
export function useMapHosts(query: { filter: () => string; groupBy: () => string }): MapHosts {
  const api = useApi();
  const session = useSession();
  const hosts: ShallowRef<MapHost[]> = shallowRef([]);
  const total = ref(0);
  const loading = ref(true);
  const error = shallowRef<unknown>();
  let abort = new AbortController();

  async function readAll(): Promise<void> {
    abort.abort();
    abort = new AbortController();
    const { signal } = abort;
    const request = { organization: session.organization, filter: query.filter(), groupBy: query.groupBy() };
    try {
      const answer = await api.hosts.mapHosts(request, { signal });
      hosts.value = mapHostsOf(answer);
      total.value = answer.total ?? hosts.value.length;
      error.value = undefined;
    } catch (caught) {
      if (signal.aborted) return;
      error.value = caught;
    }
    loading.value = false;
  }
  async function readOne(hostId: string): Promise<void> {
    const host = await api.hosts.getHost({ organization: session.organization, hostId }).catch(() => undefined);
    const index = hosts.value.findIndex((one) => one.id === hostId);
    const known = hosts.value[index];
    if (host === undefined || known === undefined) return;
    const mark = markOf(host);
    if (mark !== known.mark || host.name !== known.name)
      hosts.value = hosts.value.with(index, { ...known, name: host.name ?? "", mark });
  }
  const soon = useThrottled(() => void (hosts.value.length <= LARGE && readAll()), REFRESH_MS);
  const later = useThrottled(() => void (hosts.value.length > LARGE && readAll()), REFRESH_LARGE_MS);
  onChanges((changes) => {
    const reads = readsFor(changes, new Set(hosts.value.map((host) => host.id)));
    if (reads === "nothing") return;
    if (reads === "seen") {
      soon();
      later();
    } else for (const id of reads) void readOne(id);
  });
  watch([query.filter, query.groupBy], () => void readAll(), { immediate: true });
  onScopeDispose(() => abort.abort());
  return { hosts, total, loading, error, refresh: readAll };
}

/** Why a host stands as it does, in the control plane's words; empty until it is known. Read once the choice has settled. */
export function useMapCause(hostId: () => string | undefined, mark: () => HealthMark | undefined): Ref<string> {
  const api = useApi();
  const session = useSession();
  const cause = ref("");
  let timer: ReturnType<typeof setTimeout> | undefined;

  async function read(id: string): Promise<void> {
    const host = await api.hosts.getHost({ organization: session.organization, hostId: id }).catch(() => undefined);
    if (host === undefined || id !== hostId()) return;
    const absent = host.presence === "PRESENCE_ONLINE" ? "" : host.presenceCause;
    cause.value = [absent, host.healthSummary].filter(Boolean).join(" · ");
  }
  watch([hostId, mark], ([id], [before]) => {
    clearTimeout(timer);
    if (id !== before) cause.value = "";
    if (id !== undefined) timer = setTimeout(() => void read(id), CAUSE_AFTER_MS);
  });
  onScopeDispose(() => clearTimeout(timer));
  return cause;
}
