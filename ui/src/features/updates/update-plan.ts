import type { AgentUpdatePlan, CreateAgentUpdateRequest } from "@windflow/proto/client";
import { onScopeDispose, ref, shallowRef, watch, type Ref, type ShallowRef } from "vue";
import { useApi } from "../../app/api.ts";

/** While somebody types or clicks, no plan is asked for. */
const SETTLED_MS = 350;

/** What the update that is being described would do; asked for again whenever the description has settled. */
export function usePlan(request: () => CreateAgentUpdateRequest | undefined): {
  plan: ShallowRef<AgentUpdatePlan | undefined>;
  error: ShallowRef<unknown>;
  planning: Ref<boolean>;
} {
  const api = useApi();
  const plan = shallowRef<AgentUpdatePlan>();
  const error = shallowRef<unknown>();
  const planning = ref(false);
  let abort = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;

  async function read(wanted: CreateAgentUpdateRequest, signal: AbortSignal): Promise<void> {
    try {
      plan.value = await api.agentUpdates.planAgentUpdate(wanted, { signal });
      error.value = undefined;
    } catch (caught) {
      if (signal.aborted) return;
      plan.value = undefined;
      error.value = caught;
    }
    if (!signal.aborted) planning.value = false;
  }
  // A reason changes no plan.
  watch(
    () => {
      const wanted = request();
      return wanted === undefined ? undefined : JSON.stringify({ ...wanted, reason: "" });
    },
    (text) => {
      clearTimeout(timer);
      abort.abort();
      abort = new AbortController();
      const { signal } = abort;
      planning.value = text !== undefined;
      const wanted = request();
      if (wanted !== undefined) timer = setTimeout(() => void read(wanted, signal), SETTLED_MS);
    },
    { immediate: true },
  );
  onScopeDispose(() => {
    clearTimeout(timer);
    abort.abort();
  });
  return { plan, error, planning };
}
