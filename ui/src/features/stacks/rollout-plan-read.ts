import type { PlanRolloutRequest, RolloutPlan } from "@windflow/proto/client";
import { onScopeDispose, ref, shallowRef, type Ref, type ShallowRef } from "vue";
import { useApi } from "../../app/api.ts";

/** Asking each host for its steps is a question to each; above so many hosts a person asks for it. */
const ASKED_BY_ITSELF = 100;

export interface ReadPlan {
  plan: ShallowRef<RolloutPlan | undefined>;
  error: ShallowRef<unknown>;
  busy: Ref<boolean>;
  /** Whether the hosts were asked for their steps. */
  asked: Ref<boolean>;
  read(request: PlanRolloutRequest): Promise<void>;
  askSteps(): Promise<void>;
}

/** The plan of a rollout: the waves at once, then the steps of the hosts unless there are many. A newer question ends the one before. */
export function useRolloutPlan(): ReadPlan {
  const api = useApi();
  const plan = shallowRef<RolloutPlan>();
  const error = shallowRef<unknown>();
  const busy = ref(false);
  const asked = ref(false);
  let abort = new AbortController();
  let latest: PlanRolloutRequest = {};

  async function run(act: (signal: AbortSignal) => Promise<void>): Promise<void> {
    abort.abort();
    abort = new AbortController();
    const { signal } = abort;
    busy.value = true;
    try {
      await act(signal);
      error.value = undefined;
    } catch (caught) {
      if (!signal.aborted) error.value = caught;
    } finally {
      if (!signal.aborted) busy.value = false;
    }
  }
  async function steps(signal: AbortSignal): Promise<void> {
    plan.value = await api.rollouts.planRollout({ ...latest, withoutSteps: false }, { signal });
    asked.value = true;
  }
  const read = (request: PlanRolloutRequest): Promise<void> =>
    run(async (signal) => {
      latest = request;
      const bare = await api.rollouts.planRollout({ ...request, withoutSteps: true }, { signal });
      plan.value = bare;
      asked.value = false;
      if ((bare.hostsTotal ?? 0) <= ASKED_BY_ITSELF) await steps(signal);
    });
  onScopeDispose(() => abort.abort());
  return { plan, error, busy, asked, read, askSteps: () => run(steps) };
}
