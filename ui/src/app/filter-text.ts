import { onScopeDispose, ref, watch, type Ref } from "vue";

/** Typing pauses this long before the server is asked. */
const DEBOUNCE_MS = 200;

export interface FilterText {
  /** What is in the field. */
  text: Ref<string>;
  /** What is asked for: the text, trimmed, once typing has paused. */
  filter: Ref<string>;
}

/** What a person types to narrow a list that the server filters. */
export function useFilterText(initial = ""): FilterText {
  const text = ref(initial);
  const filter = ref(initial);
  let timer: number | undefined;
  watch(text, (next) => {
    window.clearTimeout(timer);
    timer = window.setTimeout(() => (filter.value = next.trim()), DEBOUNCE_MS);
  });
  onScopeDispose(() => window.clearTimeout(timer));
  return { text, filter };
}
