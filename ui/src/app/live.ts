import type { WatchEventsResponse } from "@windflow/proto/client";
import { useQueryCache } from "@pinia/colada";
import { defineStore } from "pinia";
import { onScopeDispose, ref } from "vue";
import { createWatchedApi } from "./api.ts";
import { followEvents, type StreamState } from "./event-stream.ts";
import { useSession } from "./session.ts";

/** Changes are gathered this long, so that a burst of them reads each page once. */
const GATHER_MS = 250;
/** A query is read again at most this often, however much changes: a large fleet reports all the time. */
const READ_AGAIN_MS = 1_000;

export type Change = WatchEventsResponse;
type Listener = (changes: Change[]) => void;

/** The changes that the control plane tells, handed to whoever shows what changed. */
export const useLive = defineStore("live", () => {
  const state = ref<StreamState>("connecting");
  const listeners = new Set<Listener>();
  const cache = useQueryCache();
  let gathered: Change[] = [];
  let timer: number | undefined;
  /** Keys that were read again a moment ago, and whether they have changed since. */
  const settling = new Map<string, boolean>();

  function readAgain(key: string): void {
    if (settling.has(key)) return void settling.set(key, true);
    settling.set(key, false);
    // What fails is shown by the page that reads it; a read that a newer change overtook is none of its failures.
    cache.invalidateQueries({ key: [key] }).catch(() => undefined);
    window.setTimeout(() => {
      const changed = settling.get(key) === true;
      settling.delete(key);
      if (changed) readAgain(key);
    }, READ_AGAIN_MS);
  }
  function onChange(change: Change): void {
    gathered.push(change);
    timer ??= window.setTimeout(() => {
      const changes = gathered;
      gathered = [];
      timer = undefined;
      for (const listener of listeners) listener(changes);
      for (const key of queriesTouchedBy(changes)) readAgain(key);
    }, GATHER_MS);
  }
  function listen(listener: Listener): () => void {
    listeners.add(listener);
    return () => listeners.delete(listener);
  }
  return { state, onChange, listen };
});

const QUERIES: Record<string, string[]> = {
  host: ["host", "stack-list", "stack"],
  stack: ["stack", "stack-list"],
  rollout: ["rollout-list", "stack", "stack-list"],
  container: ["container", "container-list"],
  registry: ["registry"],
  window: ["window"],
  build: ["stack"],
  drift: ["host", "stack", "stack-list"],
  enrollment_token: ["enrollment-token"],
  api_token: ["api-token"],
  event: ["event-list"],
};
const ALL_QUERIES: string[] = [...new Set(Object.values(QUERIES).flat())];

/** First parts of the keys of the queries that a set of changes makes stale. */
export function queriesTouchedBy(changes: Change[]): string[] {
  if (changes.some((change) => change.kind === "reset")) return ALL_QUERIES;
  return [...new Set(changes.flatMap((change) => QUERIES[change.kind ?? ""] ?? []))];
}

/** Calls back with each gathered set of changes while the component lives. */
export function onChanges(listener: Listener): void {
  onScopeDispose(useLive().listen(listener));
}

/** Reads the event stream while the component lives. */
export function useEventStream(): void {
  const live = useLive();
  const { organization } = useSession();
  const abort = new AbortController();
  onScopeDispose(() => abort.abort());
  void followEvents(
    {
      organization,
      watch: ({ signal, lastEventId, onAlive }) =>
        createWatchedApi(onAlive).events.watchEvents({ organization }, { signal, lastEventId }),
      onChange: live.onChange,
      onState: (state) => (live.state = state),
    },
    abort.signal,
  );
}
