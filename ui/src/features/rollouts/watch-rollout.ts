import type { ApiClient, Rollout } from "@windflow/proto/client";
import { onScopeDispose, shallowRef, watch, type ShallowRef } from "vue";
import { asApiError, useApi } from "../../app/api.ts";
import { useSession } from "../../app/session.ts";
import { underWay } from "./rollout-state.ts";

/** After a broken stream; the control plane may be starting again. */
const RETRY_MS = 2_000;
/** Changes are drawn at most this often. */
const GATHER_MS = 250;

/** The rollout as it goes, until it has ended; the stream is opened again when it breaks. */
export function useRollout(rolloutId: () => string): {
  rollout: ShallowRef<Rollout | undefined>;
  error: ShallowRef<unknown>;
  restart: () => void;
} {
  const api = useApi();
  const session = useSession();
  const rollout = shallowRef<Rollout>();
  const error = shallowRef<unknown>();
  let abort = new AbortController();

  let latest: Rollout | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  /** The first change at once, those close behind it together: a thousand hosts move at the same time. */
  function show(message: Rollout): void {
    latest = message;
    if (timer !== undefined) return;
    rollout.value = message;
    timer = setTimeout(() => {
      timer = undefined;
      if (latest !== undefined && latest !== rollout.value) show(latest);
    }, GATHER_MS);
  }
  function restart(): void {
    abort.abort();
    abort = new AbortController();
    latest = undefined;
    void follow(api, { organization: session.organization, rolloutId: rolloutId() }, abort.signal);
  }
  async function follow(
    client: ApiClient,
    request: { organization: string; rolloutId: string },
    signal: AbortSignal,
  ): Promise<void> {
    do {
      try {
        show(await client.rollouts.getRollout(request, { signal }));
        error.value = undefined;
        if (!underWay(latest)) return;
        for await (const { message } of client.rollouts.watchRollout(request, { signal })) show(message);
      } catch (caught) {
        if (signal.aborted) return;
        error.value = caught;
        const { status } = asApiError(caught).problem;
        if (status >= 400 && status < 500) return;
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    } while (!signal.aborted && (latest === undefined || underWay(latest)));
  }
  watch(rolloutId, restart, { immediate: true });
  onScopeDispose(() => {
    abort.abort();
    clearTimeout(timer);
  });
  return { rollout, error, restart };
}
