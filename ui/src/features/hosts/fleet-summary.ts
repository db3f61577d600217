import type { SummarizeHostsResponse } from "@windflow/proto/client";
import { onScopeDispose, shallowRef, watch, type ShallowRef } from "vue";
import { useApi } from "../../app/api.ts";
import { onChanges } from "../../app/live.ts";
import { useSession } from "../../app/session.ts";
import { useThrottled } from "../../app/throttle.ts";

/** A fleet reports all the time; more often than this the eye gains nothing. */
const REFRESH_MS = 3_000;

export interface FleetSummary {
  summary: ShallowRef<SummarizeHostsResponse | undefined>;
  error: ShallowRef<unknown>;
  refresh(): Promise<void>;
}

/** How many hosts there are by health and presence, in all and by group, kept up to date by the event stream. */
export function useFleetSummary(query: { filter: () => string; groupBy: () => string }): FleetSummary {
  const api = useApi();
  const session = useSession();
  const summary = shallowRef<SummarizeHostsResponse>();
  const error = shallowRef<unknown>();
  let abort = new AbortController();

  async function refresh(): Promise<void> {
    abort.abort();
    abort = new AbortController();
    const { signal } = abort;
    const request = { organization: session.organization, filter: query.filter(), groupBy: query.groupBy() };
    try {
      summary.value = await api.hosts.summarizeHosts(request, { signal });
      error.value = undefined;
    } catch (caught) {
      if (!signal.aborted) error.value = caught;
    }
  }
  const soon = useThrottled(() => void refresh(), REFRESH_MS);
  onChanges((changes) => {
    if (changes.some(({ kind = "" }) => ["host", "drift", "stack", "reset"].includes(kind))) soon();
  });
  watch([query.filter, query.groupBy], () => void refresh(), { immediate: true });
  onScopeDispose(() => abort.abort());
  return { summary, error, refresh };
}
