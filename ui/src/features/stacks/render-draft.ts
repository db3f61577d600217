import type { JsonObject, Problem } from "@windflow/proto/client";
import { ref, shallowRef, watch, onScopeDispose, type Ref, type ShallowRef } from "vue";
import { useApi } from "../../app/api.ts";
import { useSession } from "../../app/session.ts";
import { sourceOf, type Draft } from "./draft.ts";

/** Typing pauses this long before the draft is rendered. */
const DEBOUNCE_MS = 350;

export interface RenderedDraft {
  problems: ShallowRef<Problem[]>;
  /** The normalised model of the last draft without errors. */
  model: ShallowRef<JsonObject | undefined>;
  error: ShallowRef<unknown>;
  checking: Ref<boolean>;
}

/** Renders the draft on the control plane whenever it rests. */
export function useRenderedDraft(draft: Ref<Draft | undefined>, projectName: () => string): RenderedDraft {
  const api = useApi();
  const session = useSession();
  const problems = shallowRef<Problem[]>([]);
  const model = shallowRef<JsonObject>();
  const error = shallowRef<unknown>();
  const checking = ref(false);
  let timer: ReturnType<typeof setTimeout> | undefined;
  let abort = new AbortController();

  async function render(): Promise<void> {
    if (draft.value === undefined) return;
    abort.abort();
    abort = new AbortController();
    const { signal } = abort;
    try {
      const request = { organization: session.organization, projectName: projectName(), source: sourceOf(draft.value) };
      const answer = await api.stacks.renderStack(request, { signal });
      problems.value = answer.problems ?? [];
      if (answer.model !== undefined) model.value = answer.model;
      error.value = undefined;
    } catch (caught) {
      if (!signal.aborted) error.value = caught;
    } finally {
      if (!signal.aborted) checking.value = false;
    }
  }
  watch(
    draft,
    () => {
      checking.value = true;
      clearTimeout(timer);
      timer = setTimeout(() => void render(), DEBOUNCE_MS);
    },
    { deep: true, immediate: true },
  );
  onScopeDispose(() => {
    clearTimeout(timer);
    abort.abort();
  });
  return { problems, model, error, checking };
}
